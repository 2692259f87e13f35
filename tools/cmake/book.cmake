# The tests that keep a text of the book true.

# book_text(chapters/02_bind/README.md): a file of the book, which the machine reads. Each of its transcripts is a test of
# its own: book.02_bind.transcript_1, ...
function(book_text text)
  set_property(GLOBAL APPEND PROPERTY book_texts ${text})
  set_property(DIRECTORY ${PROJECT_SOURCE_DIR} APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS ${PROJECT_SOURCE_DIR}/${text})
  file(STRINGS ${PROJECT_SOURCE_DIR}/${text} blocks REGEX "^```console$")
  cmake_path(GET text PARENT_PATH folder)
  cmake_path(GET folder FILENAME chapter)
  if(NOT chapter)
    cmake_path(GET text STEM chapter)
  endif()
  set(number 0)
  foreach(block IN LISTS blocks)
    math(EXPR number "${number} + 1")
    set(name book.${chapter}.transcript_${number})
    add_test(NAME ${name} COMMAND book check ${CMAKE_BINARY_DIR}/chapters ${text} ${number})
    set_tests_properties(${name} PROPERTIES
      WORKING_DIRECTORY ${PROJECT_SOURCE_DIR} SKIP_RETURN_CODE 77 LABELS book FIXTURES_REQUIRED book
      ENVIRONMENT PORTLAB_PROGRAMS=${CMAKE_BINARY_DIR}/chapters/${chapter}) # for a Procfile
  endforeach()
endfunction()

# What concerns all texts together; called after the last of them.
function(book_as_a_whole)
  get_property(texts GLOBAL PROPERTY book_texts)
  add_test(NAME book.tables COMMAND book tables ${CMAKE_BINARY_DIR}/chapters ${texts})
  set_tests_properties(book.tables PROPERTIES
    WORKING_DIRECTORY ${PROJECT_SOURCE_DIR} SKIP_RETURN_CODE 77 LABELS book FIXTURES_REQUIRED book)
  set(exercises ${PORTLAB_PYTHON} -B ${PROJECT_SOURCE_DIR}/tools/book/exercises.py)
  if(PORTLAB_PYTHON)
    add_test(NAME book.exercises COMMAND ${exercises} check)
    set_tests_properties(book.exercises PROPERTIES LABELS book)
  endif()
  if(NOT EXISTS ${PROJECT_SOURCE_DIR}/solutions) # a copy for students, which has not all that the texts name
    return()
  endif()
  add_test(NAME book.listings_links_and_claims COMMAND book prose ${CMAKE_BINARY_DIR} ${texts})
  add_test(NAME book.spelling COMMAND bash ${PROJECT_SOURCE_DIR}/tools/book/spelling.sh ${texts})
  add_test(NAME book.spelling_can_fail COMMAND bash ${PROJECT_SOURCE_DIR}/tests/book/spelling_test.sh)
  set_tests_properties(book.listings_links_and_claims PROPERTIES FIXTURES_REQUIRED book)
  set_tests_properties(book.listings_links_and_claims book.spelling book.spelling_can_fail PROPERTIES
    WORKING_DIRECTORY ${PROJECT_SOURCE_DIR} SKIP_RETURN_CODE 77 LABELS book)
  # `cmake --build --preset default --target record` writes into the texts what the catalogue of exercises says, and what the
  # transcripts and tables show now.
  add_custom_target(record
    COMMAND ${exercises} write
    COMMAND book record ${CMAKE_BINARY_DIR}/chapters ${texts}
    WORKING_DIRECTORY ${PROJECT_SOURCE_DIR} DEPENDS chapters instruments loop book VERBATIM USES_TERMINAL)
endfunction()
