# What makes the loop of an exercise short: headers parsed once, line numbers in place of full debug information (for that,
# take the -g1 out), and a fast linker where there is one.
add_library(answer INTERFACE)
target_link_libraries(answer INTERFACE asio common)
target_compile_options(answer INTERFACE -g1)
add_library(answer_headers STATIC tools/cmake/headers.cpp)
target_link_libraries(answer_headers PRIVATE answer)
target_precompile_headers(answer_headers PRIVATE
  <asio/buffer.hpp> <asio/connect.hpp> <asio/io_context.hpp> <asio/ip/tcp.hpp> <asio/ip/udp.hpp> <asio/read.hpp>
  <asio/read_until.hpp> <asio/signal_set.hpp> <asio/steady_timer.hpp> <asio/write.hpp> <iostream> <string>)
foreach(linker IN ITEMS mold lld gold)
  find_program(PORTLAB_LD_${linker} ld.${linker})
  if(PORTLAB_LD_${linker} AND LINUX)
    target_link_options(answer INTERFACE -fuse-ld=${linker})
    break()
  endif()
endforeach()

option(PORTLAB_WRONG_ANSWERS "Build and judge the wrong answers; not under a sanitizer, which ends some of them early" ON)

# What an instructor keeps to himself has the same layout as this tree: exercises/, solutions/, tests/exercises/.
set(PORTLAB_OVERLAY "" CACHE PATH "A private directory; a file in it takes the place of the file of the same path in this tree")
if(PORTLAB_OVERLAY)
  include_directories(BEFORE ${PORTLAB_OVERLAY})
endif()

# The overlay's file of that path, or the tree's; empty where neither has it.
function(overlaid result path)
  foreach(base IN ITEMS ${PORTLAB_OVERLAY} ${PROJECT_SOURCE_DIR})
    if(EXISTS ${base}/${path})
      set(${result} ${base}/${path} PARENT_SCOPE)
      return()
    endif()
  endforeach()
  set(${result} "" PARENT_SCOPE)
endfunction()

# exercises_of(02_bind): the exercises that exercises/exercises.json has of the chapter, in its order. An overlay has a file of
# the same name, with the exercises that only it has. One without points is not assigned to the students whose copy this is.
function(exercises_of chapter)
  foreach(base IN ITEMS ${PROJECT_SOURCE_DIR} ${PORTLAB_OVERLAY})
    set(catalogue ${base}/exercises/exercises.json)
    if(NOT EXISTS ${catalogue})
      continue()
    endif()
    set_property(DIRECTORY ${PROJECT_SOURCE_DIR} APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS ${catalogue})
    file(READ ${catalogue} text)
    string(JSON count LENGTH "${text}")
    set(index 0)
    while(index LESS count)
      string(JSON path GET "${text}" ${index} path)
      string(JSON points ERROR_VARIABLE unassigned GET "${text}" ${index} points)
      if(path MATCHES "^${chapter}/(.+)$")
        set(name ${CMAKE_MATCH_1}) # in a condition of its own, since all of a condition is expanded before any of it matches
        if(NOT unassigned AND NOT TARGET exercise.${chapter}.${name})
          exercise(${chapter} ${name})
        endif()
      endif()
      math(EXPR index "${index} + 1")
    endwhile()
  endforeach()
endfunction()

# Only some model answers are in C, and a copy for students has none of them. A language is enabled outside functions.
file(GLOB answers_in_c ${PROJECT_SOURCE_DIR}/solutions/*/*.c)
if(BUILD_TESTING AND answers_in_c)
  enable_language(C)
endif()

# An answer in C++ or C becomes the program DIRECTORY/NAME; one in another language is a program already.
function(answer target source directory)
  cmake_path(GET source STEM name)
  cmake_path(GET source EXTENSION LAST_ONLY kind)
  add_executable(${target} ${ARGN} ${source})
  set_target_properties(${target} PROPERTIES OUTPUT_NAME ${name} RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/${directory})
  if(kind STREQUAL ".cpp")
    target_link_libraries(${target} PRIVATE answer)
    target_precompile_headers(${target} REUSE_FROM answer_headers)
  endif()
endfunction()

# exercise(02_bind any_free_port), all of it under the same path:
#   exercises/02_bind/any_free_port.cpp             what the reader edits     exercise.02_bind.any_free_port
#   solutions/02_bind/any_free_port.*               the model, in C++ and     solution.02_bind.any_free_port, ...
#                                                   perhaps other languages
#   tests/exercises/02_bind/any_free_port_test.cpp  what judges all of them
#   tests/wrong/02_bind/any_free_port/*.diff        what it must reject: the  wrong.02_bind.any_free_port.NAME
#                                                   model, but for a mistake;
#                                                   of another shape: *.cpp
# ctest builds what it runs. A build of everything leaves the exercise out, since it need not compile yet. A copy for students
# has no solutions, no wrong answers, and no judge of an exercise whose tests are hidden.
function(exercise chapter name)
  if(NOT BUILD_TESTING)
    return()
  endif()
  set(id ${chapter}.${name})
  set(path ${chapter}/${name})
  set(judge ${id}_test)
  overlaid(stub exercises/${path}.cpp)
  answer(exercise.${id} ${stub} exercises/${chapter} EXCLUDE_FROM_ALL)
  overlaid(judge_source tests/exercises/${path}_test.cpp)
  if(NOT judge_source)
    built_first(${id} exercise.${id})
    add_test(NAME exercise.${id} COMMAND ${CMAKE_COMMAND} -E echo "its tests are hidden: your instructor runs them")
    set_tests_properties(exercise.${id} PROPERTIES
      FIXTURES_REQUIRED ${id} SKIP_REGULAR_EXPRESSION "^its tests are hidden" LABELS "${chapter};exercise")
    return()
  endif()
  add_executable(${judge} ${judge_source})
  set_target_properties(${judge} PROPERTIES
    OUTPUT_NAME ${name}_test RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/tests/exercises/${chapter})
  target_link_libraries(${judge} PRIVATE judge_main)

  built_first(${id} exercise.${id} ${judge})
  add_test(NAME exercise.${id} COMMAND ${judge} $<TARGET_FILE:exercise.${id}> --verdict ${CMAKE_BINARY_DIR}/verdicts/${path}.json)
  set_tests_properties(exercise.${id} PROPERTIES FIXTURES_REQUIRED ${id} SKIP_RETURN_CODE 4 TIMEOUT 360 LABELS "${chapter};exercise")

  overlaid(solution solutions/${path}.cpp)
  if(NOT solution)
    return()
  endif()
  cmake_path(GET solution PARENT_PATH solutions)
  set(checks --checks)
  set(wrong ${PROJECT_SOURCE_DIR}/tests/wrong/${path})
  if(NOT judge_source STREQUAL ${PROJECT_SOURCE_DIR}/tests/exercises/${path}_test.cpp) # an overlay has no wrong answers
    set(checks)
    set(wrong)
  endif()
  add_test(NAME stub.${id} COMMAND ${judge} $<TARGET_FILE:exercise.${id}> --stub)
  set_tests_properties(stub.${id} PROPERTIES FIXTURES_REQUIRED ${id} SKIP_RETURN_CODE 4 TIMEOUT 360 LABELS judge)

  add_custom_target(solved.${id} DEPENDS ${judge})
  built_first(solved.${id} solved.${id})
  set_tests_properties(build.solved.${id} PROPERTIES LABELS judge)
  if(NOT TARGET solved) # `cmake --build --preset default --target solved`: all judges and model answers
    add_custom_target(solved)
  endif()
  add_dependencies(solved solved.${id})

  set_property(DIRECTORY ${PROJECT_SOURCE_DIR} APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS ${solutions} ${wrong})
  file(GLOB sources ${solutions}/${name}.*)
  foreach(source IN LISTS sources)
    cmake_path(GET source EXTENSION LAST_ONLY kind)
    string(SUBSTRING ${kind} 1 -1 language)
    set(subject solution.${id})
    set(directory solutions/${chapter})
    if(NOT language STREQUAL "cpp")
      string(APPEND subject _in_${language})
      string(APPEND directory /${language})
    endif()
    if(language MATCHES "^(c|cpp)$")
      answer(${subject} ${source} ${directory})
      add_dependencies(solved.${id} ${subject})
      add_test(NAME ${subject} COMMAND ${judge} $<TARGET_FILE:${subject}> ${checks})
    else() # a script, whose first line is #!/usr/bin/env INTERPRETER
      file(STRINGS ${source} interpreter LIMIT_COUNT 1 REGEX "^#!/usr/bin/env ")
      string(REGEX REPLACE "^#!/usr/bin/env " "" interpreter "${interpreter}")
      find_program(PORTLAB_INTERPRETER_${interpreter} ${interpreter})
      if(PORTLAB_INTERPRETER_${interpreter})
        add_test(NAME ${subject} COMMAND ${judge} ${source} ${checks})
      else()
        add_test(NAME ${subject} COMMAND ${CMAKE_COMMAND} -E echo "needs ${interpreter}")
        set_tests_properties(${subject} PROPERTIES SKIP_REGULAR_EXPRESSION "^needs ")
      endif()
    endif()
    set_tests_properties(${subject} PROPERTIES FIXTURES_REQUIRED solved.${id} SKIP_RETURN_CODE 4 TIMEOUT 360 LABELS judge)
  endforeach()
  if(NOT PORTLAB_WRONG_ANSWERS OR NOT wrong)
    return()
  endif()
  add_custom_target(rejected.${id} DEPENDS ${judge})
  add_dependencies(rejected rejected.${id})
  built_first(rejected.${id} rejected.${id})
  set_tests_properties(build.rejected.${id} PROPERTIES LABELS wrong)
  file(GLOB differences ${wrong}/*.diff)
  find_program(PORTLAB_PATCH patch)
  if(differences AND PORTLAB_PATCH)
    set(all ${CMAKE_BINARY_DIR}/wrong/${path}.cpp)
    add_custom_command(OUTPUT ${all}
      COMMAND ${CMAKE_COMMAND} -D MODEL=${solution} -D DIRECTORY=${wrong} -D RESULT=${all}
        -D PATCH=${PORTLAB_PATCH} -P ${PROJECT_SOURCE_DIR}/tools/cmake/wrong_answers.cmake
      DEPENDS ${solution} ${differences} ${PROJECT_SOURCE_DIR}/tools/cmake/wrong_answers.cmake VERBATIM)
    answer(wrong.${id} ${all} wrong/${chapter} EXCLUDE_FROM_ALL)
    set_target_properties(wrong.${id} PROPERTIES OUTPUT_NAME ${name}.all)
    add_dependencies(rejected.${id} wrong.${id})
    target_compile_options(wrong.${id} PRIVATE -w) # a mistake may be one that the compiler sees
  endif()
  file(GLOB sources ${wrong}/*.cpp)
  foreach(source IN LISTS differences sources)
    cmake_path(GET source STEM mistake)
    cmake_path(GET source EXTENSION LAST_ONLY kind)
    set(program ${CMAKE_BINARY_DIR}/wrong/${path}/${mistake})
    if(kind STREQUAL ".diff")
      file(MAKE_DIRECTORY ${CMAKE_BINARY_DIR}/wrong/${path})
      file(CREATE_LINK ../${name}.all ${program} SYMBOLIC)
    else() # of another shape than the model answer
      answer(wrong.${id}.${mistake} ${source} wrong/${path} EXCLUDE_FROM_ALL)
      add_dependencies(rejected.${id} wrong.${id}.${mistake})
      target_compile_options(wrong.${id}.${mistake} PRIVATE -w)
    endif()
    if(kind STREQUAL ".diff" AND NOT PORTLAB_PATCH)
      add_test(NAME wrong.${id}.${mistake} COMMAND ${CMAKE_COMMAND} -E echo "needs patch")
      set_tests_properties(wrong.${id}.${mistake} PROPERTIES SKIP_REGULAR_EXPRESSION "^needs " LABELS wrong)
      continue()
    endif()
    add_test(NAME wrong.${id}.${mistake} COMMAND ${judge} ${program} --wrong ${source})
    set_tests_properties(wrong.${id}.${mistake} PROPERTIES FIXTURES_REQUIRED rejected.${id} SKIP_RETURN_CODE 4 TIMEOUT 360 LABELS wrong)
  endforeach()
endfunction()
