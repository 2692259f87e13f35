# Tests of programs, and of variants of them that are wrong.

# add_existing_subdirectories(FOLDER...): a student's copy has only some of them.
function(add_existing_subdirectories)
  foreach(folder IN LISTS ARGN)
    if(EXISTS ${CMAKE_CURRENT_SOURCE_DIR}/${folder}/CMakeLists.txt)
      add_subdirectory(${folder})
    endif()
  endforeach()
endfunction()

# portlab_test(TARGET SOURCE PREFIX chapter.02_bind. LABEL 02_bind PROGRAMS DIRECTORY [FIXTURE NAME]): one CTest test for each
# test case. The test finds the programs that it starts in PROGRAMS.
function(portlab_test target source)
  cmake_parse_arguments(PARSE_ARGV 2 arg "" "PREFIX;LABEL;PROGRAMS;FIXTURE" "")
  add_executable(${target} ${source})
  target_link_libraries(${target} PRIVATE catch_main)
  set(fixture)
  if(arg_FIXTURE)
    set(fixture FIXTURES_REQUIRED ${arg_FIXTURE})
  endif()
  catch_discover_tests(${target}
    TEST_PREFIX ${arg_PREFIX}
    PROPERTIES LABELS ${arg_LABEL} SKIP_RETURN_CODE 4 ENVIRONMENT PORTLAB_PROGRAMS=${arg_PROGRAMS} ${fixture})
endfunction()

if(POLICY CMP0174) # of CMake 3.31: BY "" is a value
  cmake_policy(SET CMP0174 NEW)
endif()

# `cmake --build --preset default --target rejected`: the wrong programs, which a build of everything leaves out.
add_custom_target(rejected)

# The variants of tests/wrong/NAME.cmake, of the programs of a chapter or of the instruments.
function(variants name)
  add_custom_target(${name}.variants DEPENDS ${name} ${name}_test)
  add_dependencies(rejected ${name}.variants)
  built_first(${name}.variants ${name}.variants)
  set_tests_properties(build.${name}.variants PROPERTIES LABELS wrong)
  include(${PROJECT_SOURCE_DIR}/tests/wrong/${name}.cmake)
endfunction()

# wrong(02_bind/bind NAME REPLACE [[code]] BY [[other code]] FAILS "test case" SAYING "regular expression")
# A variant of a chapter's program, one edit away, that the chapter's test must reject: the named test case fails, and its
# report matches SAYING. CTest runs it as wrong.02_bind.NAME. The edited file may be a part that the chapter's program
# shares: wrong(A_http/http_connection ...), or a header: wrong(08_twelve_factor/serve.hpp ...). An instrument's variant is
# wrong(instruments/errors ...).
function(wrong program name)
  cmake_parse_arguments(PARSE_ARGV 2 arg "" "REPLACE;BY;FAILS;SAYING" "")
  cmake_path(GET program PARENT_PATH chapter)
  cmake_path(GET program FILENAME stem)
  if(NOT stem MATCHES "[.]hpp$")
    string(APPEND program .cpp)
  endif()
  cmake_path(GET program FILENAME file)
  string(REGEX REPLACE "^[0-9A-Z]+_" "" concept ${chapter})
  set(source ${PROJECT_SOURCE_DIR}/chapters/${program})
  if(chapter STREQUAL "instruments")
    set(source ${PROJECT_SOURCE_DIR}/tools/${program})
  endif()
  set_property(DIRECTORY ${PROJECT_SOURCE_DIR} APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS ${source})
  file(READ ${source} text)
  string(FIND "${text}" "${arg_REPLACE}" found)
  string(FIND "${text}" "${arg_REPLACE}" last REVERSE)
  if(found EQUAL -1 OR NOT last EQUAL found) # a reader who edits that line can build all the same; the test says what is stale
    add_test(NAME wrong.${chapter}.${name} COMMAND sh -c
      "echo \"$0: the line that this variant replaces does not stand there once; see tests/wrong/\"; exit 1" ${source})
    set_tests_properties(wrong.${chapter}.${name} PROPERTIES LABELS wrong)
    return()
  endif()
  string(REPLACE "${arg_REPLACE}" "${arg_BY}" text "${text}")
  set(directory wrong/${chapter}/${name})
  file(CONFIGURE OUTPUT ${CMAKE_BINARY_DIR}/${directory}/${file} CONTENT "@text@" @ONLY) # written only if it changes
  set(edited ${CMAKE_BINARY_DIR}/${directory}/${file})
  if(TARGET ${chapter}.${stem})
    portlab_program(wrong.${chapter}.${name} ${edited} ${directory})
  elseif(stem STREQUAL file) # a header: what includes it stands beside it, and so finds the edited one
    file(GLOB others ${PROJECT_SOURCE_DIR}/chapters/${chapter}/*.hpp ${PROJECT_SOURCE_DIR}/chapters/${chapter}/${concept}.cpp)
    list(REMOVE_ITEM others ${source})
    foreach(other IN LISTS others)
      configure_file(${other} ${CMAKE_BINARY_DIR}/${directory}/ COPYONLY)
    endforeach()
    portlab_program(wrong.${chapter}.${name} ${CMAKE_BINARY_DIR}/${directory}/${concept}.cpp ${directory})
  else() # the edited part takes the place of the one in the library of parts
    portlab_program(wrong.${chapter}.${name} ${PROJECT_SOURCE_DIR}/chapters/${chapter}/${concept}.cpp ${directory})
    target_sources(wrong.${chapter}.${name} PRIVATE ${edited})
  endif()
  if(TARGET ${chapter}.parts)
    target_link_libraries(wrong.${chapter}.${name} PRIVATE ${chapter}.parts)
    target_include_directories(wrong.${chapter}.${name} PRIVATE ${PROJECT_SOURCE_DIR}/chapters/${chapter})
  endif()
  target_compile_options(wrong.${chapter}.${name} PRIVATE -w) # an edit may leave a variable unused
  string(REPLACE "," "\\," test_case "${arg_FAILS}") # a comma separates names for Catch2
  add_test(NAME wrong.${chapter}.${name} COMMAND ${chapter}_test "${test_case}")
  set_target_properties(wrong.${chapter}.${name} PROPERTIES EXCLUDE_FROM_ALL ON)
  add_dependencies(${chapter}.variants wrong.${chapter}.${name})
  set_tests_properties(wrong.${chapter}.${name} PROPERTIES
    LABELS wrong
    FIXTURES_REQUIRED ${chapter}.variants
    SKIP_RETURN_CODE 4
    ENVIRONMENT PORTLAB_PROGRAMS=${CMAKE_BINARY_DIR}/${directory}
    PASS_REGULAR_EXPRESSION "${arg_SAYING}.*test cases: .* 1 failed")
endfunction()
