# A program: one source file, built to DIRECTORY/NAME.
function(portlab_program target source directory)
  cmake_path(GET source STEM name)
  add_executable(${target} ${source})
  set_target_properties(${target} PROPERTIES OUTPUT_NAME ${name} RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/${directory})
  target_link_libraries(${target} PRIVATE asio common)
  target_precompile_headers(${target} REUSE_FROM chapter_headers)
endfunction()

# built_first(FIXTURE TARGET...): tests that require the fixture see the targets as the sources are now. One such test builds
# at a time, in all runs of ctest on this tree together.
function(built_first fixture)
  add_test(NAME build.${fixture} COMMAND ${CMAKE_COMMAND} -P ${PROJECT_SOURCE_DIR}/tools/cmake/build.cmake ${CMAKE_BINARY_DIR} ${ARGN})
  set_tests_properties(build.${fixture} PROPERTIES FIXTURES_SETUP ${fixture} RESOURCE_LOCK build
    TIMEOUT 3600) # a slow machine may have other work
endfunction()

add_custom_target(chapters)

# chapter(03_listen_accept listen_accept backlog): the programs listen_accept and backlog of chapters/03_listen_accept, the
# test of both in tests/chapters/03_listen_accept_test.cpp, and the wrong variants that the test must reject, in
# tests/wrong/03_listen_accept.cmake; and the chapter's exercises, see exercise.cmake. `cmake --build --preset default --target 03_listen_accept` builds the programs.
#
# chapter(A_http http PARTS http_connection): an appendix; its program has parts, such as chapters/A_http/http_connection.cpp.
function(chapter name)
  cmake_parse_arguments(PARSE_ARGV 1 arg "" "" "PARTS")
  add_custom_target(${name})
  add_dependencies(chapters ${name})
  add_library(${name}.parts INTERFACE)
  if(arg_PARTS)
    list(TRANSFORM arg_PARTS REPLACE "(.+)" "chapters/${name}/\\1.cpp" OUTPUT_VARIABLE sources)
    add_library(${name}.shared STATIC ${sources})
    target_link_libraries(${name}.shared PUBLIC asio common)
    target_precompile_headers(${name}.shared REUSE_FROM chapter_headers)
    target_link_libraries(${name}.parts INTERFACE ${name}.shared)
  endif()
  foreach(program IN LISTS arg_UNPARSED_ARGUMENTS)
    portlab_program(${name}.${program} chapters/${name}/${program}.cpp chapters/${name})
    target_link_libraries(${name}.${program} PRIVATE ${name}.parts)
    add_dependencies(${name} ${name}.${program})
  endforeach()
  if(BUILD_TESTING)
    portlab_test(${name}_test tests/chapters/${name}_test.cpp PREFIX chapter.${name}. LABEL ${name}
                 PROGRAMS ${CMAKE_BINARY_DIR}/chapters/${name} FIXTURE ${name})
    target_link_libraries(${name}_test PRIVATE asio) # a chapter may say what Asio does
    add_custom_target(${name}.tests DEPENDS ${name} ${name}_test)
    built_first(${name} ${name}.tests)
    variants(${name})
    book_text(chapters/${name}/README.md)
    exercises_of(${name})
  endif()
endfunction()
