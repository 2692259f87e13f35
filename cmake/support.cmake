# Child processes, clients and the kernel's tables, for every judge; what ends a test is the judge's own. The first verdict of
# a fresh tree waits for it: so it is one compilation, and ninja begins with what stands first.
add_library(support STATIC tests/support/asleep.cpp tests/support/client.cpp tests/support/grader.cpp tests/support/guard.cpp
  tests/support/network.cpp tests/support/process.cpp tests/support/sandbox.cpp tests/support/verdict.cpp tests/support/wait.cpp)
target_link_libraries(support PUBLIC common)
set_target_properties(support PROPERTIES UNITY_BUILD ON)
target_compile_options(support PRIVATE -g1)
target_compile_definitions(support PUBLIC PORTLAB_SOURCE_DIR="${PROJECT_SOURCE_DIR}") # files that a chapter ships
