# cmake -P build.cmake BUILD_DIR TARGET...: builds the targets, one such build at a time, and shows what the compiler says
# without the command lines around it.
set(build_directory ${CMAKE_ARGV3})
set(targets)
foreach(index RANGE 4 ${CMAKE_ARGC})
  list(APPEND targets ${CMAKE_ARGV${index}})
endforeach()
file(LOCK ${build_directory}/build.lock TIMEOUT 600) # of this script, until it ends
execute_process(COMMAND ${CMAKE_COMMAND} --build ${build_directory} --target ${targets}
  OUTPUT_VARIABLE said ERROR_VARIABLE said RESULT_VARIABLE failed)
if(failed)
  string(REGEX REPLACE "\n(\\[[0-9]+/[0-9]+\\]|FAILED:|ninja:|[^\n]*/[^\n ]*(\\+\\+|g?cc|clang)[-0-9.]* +-)[^\n]*" "" said "\n${said}")
  string(STRIP "${said}" said)
  execute_process(COMMAND ${CMAKE_COMMAND} -E echo "it does not compile:\n${said}")
  message(FATAL_ERROR "not built")
endif()
