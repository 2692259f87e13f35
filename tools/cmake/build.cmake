# cmake -P build.cmake BUILD_DIR [--live] TARGET...: builds the targets, one such build at a time. Of a build that fails it
# says, on standard output, what the compiler says, without the command lines around it. With --live that comes on standard
# error, and standard output has all that the build says, as it says it.
cmake_minimum_required(VERSION 3.25)
set(build_directory ${CMAKE_ARGV3})
set(targets)
math(EXPR last "${CMAKE_ARGC} - 1")
foreach(index RANGE 4 ${last})
  list(APPEND targets ${CMAKE_ARGV${index}})
endforeach()
set(live)
if("--live" IN_LIST targets)
  list(REMOVE_ITEM targets --live)
  set(live ECHO_OUTPUT_VARIABLE)
endif()
set(ENV{NINJA_STATUS} "[%f/%t] ")
file(LOCK ${build_directory}/build.lock TIMEOUT 3600) # of this script, until it ends
execute_process(COMMAND ${CMAKE_COMMAND} --build ${build_directory} --target ${targets}
  OUTPUT_VARIABLE said ERROR_VARIABLE said RESULT_VARIABLE failed ${live})
if(NOT failed)
  return()
endif()
# Ninja's own lines, and the command that follows each FAILED.
string(REGEX REPLACE "\n(\\[[0-9]+/[0-9]+\\]|ninja:|FAILED:[^\n]*\n)[^\n]*" "" words "\n${said}")
string(STRIP "${words}" words)
if(words STREQUAL "") # it is ninja that cannot go on
  string(STRIP "${said}" words)
endif()
if(live)
  message(NOTICE "${words}")
else()
  execute_process(COMMAND ${CMAKE_COMMAND} -E echo "it does not compile:\n${words}")
endif()
message(FATAL_ERROR "not built")
