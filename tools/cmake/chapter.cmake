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

# chapter(05_port_conflict conflict_matrix): the programs port_conflict and conflict_matrix of chapters/05_port_conflict,
# the test of both in tests/chapters/05_port_conflict_test.cpp, and the wrong variants that the test must reject, in
# tests/wrong/05_port_conflict.cmake. `cmake --build --preset default --target 05_port_conflict` builds the programs.
#
# chapter(08_twelve_factor PARTS http_connection): its programs share chapters/08_twelve_factor/http_connection.cpp.
function(chapter name)
  cmake_parse_arguments(PARSE_ARGV 1 arg "" "" "PARTS")
  string(REGEX REPLACE "^[0-9]+_" "" concept ${name})
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
  foreach(program IN ITEMS ${concept} ${arg_UNPARSED_ARGUMENTS})
    portlab_program(${name}.${program} chapters/${name}/${program}.cpp chapters/${name})
    target_link_libraries(${name}.${program} PRIVATE ${name}.parts)
    add_dependencies(${name} ${name}.${program})
  endforeach()
  if(BUILD_TESTING)
    portlab_test(${name}_test tests/chapters/${name}_test.cpp PREFIX chapter.${name}. LABEL ${name}
                 PROGRAMS ${CMAKE_BINARY_DIR}/chapters/${name} FIXTURE ${name})
    add_custom_target(${name}.tests DEPENDS ${name} ${name}_test)
    built_first(${name} ${name}.tests)
    include(tests/wrong/${name}.cmake)
    book_text(chapters/${name}/README.md)
  endif()
endfunction()
