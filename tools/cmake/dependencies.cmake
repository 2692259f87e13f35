# What Portlab needs, looked for on the machine first and fetched, pinned by hash, where it is absent.
#
#   Asio, standalone, 1.22 or newer          Debian, Ubuntu: libasio-dev     Fedora: asio-devel    macOS: asio
#   Boost headers, 1.74 or newer (./portlab) Debian, Ubuntu: libboost-dev    Fedora: boost-devel   macOS: boost
#   Catch2, 3.4 or newer (tests only)        Debian, Ubuntu: catch2          Fedora: catch-devel   macOS: catch2
#   CLI11, 2.1 or newer (./portlab only)     Debian, Ubuntu: libcli11-dev    Fedora: cli11-devel   macOS: cli11

include(FetchContent)
find_package(Threads REQUIRED)

find_path(ASIO_INCLUDE_DIR asio.hpp)
if(NOT ASIO_INCLUDE_DIR)
  message(STATUS "Asio is not on this machine (Debian: libasio-dev); fetching it")
  FetchContent_Declare(asio_source
    URL https://github.com/chriskohlhoff/asio/archive/asio-1-28-2.tar.gz
    URL_HASH SHA256=5705a0e403017eba276625107160498518838064a6dd7fd8b00b2e30c0ffbdee
    DOWNLOAD_EXTRACT_TIMESTAMP OFF
    SOURCE_SUBDIR headers_only)
  FetchContent_MakeAvailable(asio_source)
  set(ASIO_INCLUDE_DIR ${asio_source_SOURCE_DIR}/asio/include)
endif()

# Asio's own code is compiled once, and its header parsed once, so that a changed program is rebuilt in a moment.
# A program needs neither: `g++ -std=c++20 chapters/02_bind/bind.cpp ...` works with the header alone.
add_library(asio STATIC tools/cmake/asio.cpp)
# Asio takes std::aligned_alloc where a standard header happens to come before it, and operator new elsewhere: memory from
# one would be released by the other. So it is told which.
target_compile_definitions(asio PUBLIC ASIO_STANDALONE ASIO_SEPARATE_COMPILATION ASIO_DISABLE_STD_ALIGNED_ALLOC)
target_include_directories(asio SYSTEM PUBLIC ${ASIO_INCLUDE_DIR})
target_link_libraries(asio PUBLIC Threads::Threads)
# Asio 1.22 looks for the coroutines of clang in <experimental/coroutine>, which libstdc++ does not have. Newer versions find <coroutine>.
if(CMAKE_CXX_COMPILER_ID STREQUAL "Clang")
  target_compile_definitions(asio PUBLIC ASIO_HAS_CO_AWAIT ASIO_HAS_STD_COROUTINE)
endif()
target_compile_options(asio PRIVATE -g1)
# g++ that optimises takes the operator delete of Asio's coroutines for one that does not fit.
target_compile_options(asio INTERFACE $<$<CXX_COMPILER_ID:GNU>:-Wno-mismatched-new-delete>)
add_library(chapter_headers STATIC tools/cmake/headers.cpp)
target_link_libraries(chapter_headers PRIVATE asio common)
target_precompile_headers(chapter_headers PRIVATE <asio.hpp>)

# Only ./portlab uses Boost: its JSON parser, headers alone.
find_path(BOOST_INCLUDE_DIR boost/property_tree/json_parser.hpp)
if(NOT BOOST_INCLUDE_DIR)
  message(STATUS "Boost's headers are not on this machine (Debian: libboost-dev); fetching them (about 120 MB)")
  FetchContent_Declare(boost_source
    URL https://archives.boost.io/release/1.86.0/source/boost_1_86_0.tar.bz2
    URL_HASH SHA256=1bed88e40401b2cb7a1f76d4bab499e352fa4d0c5f31c0dbae64e24d34d7513b
    DOWNLOAD_EXTRACT_TIMESTAMP OFF
    SOURCE_SUBDIR headers_only)
  FetchContent_MakeAvailable(boost_source)
  set(BOOST_INCLUDE_DIR ${boost_source_SOURCE_DIR})
endif()

find_program(PORTLAB_PYTHON python3 PATHS /usr/bin NO_DEFAULT_PATH) # the one for which the system's packages are
find_program(PORTLAB_PYTHON python3)

if(BUILD_TESTING)
  find_package(Catch2 3.4 QUIET)
  if(NOT Catch2_FOUND)
    message(STATUS "Catch2 3.4 or newer is not on this machine (Debian: catch2); fetching it")
    FetchContent_Declare(catch2_source
      URL https://github.com/catchorg/Catch2/archive/v3.7.1.tar.gz
      URL_HASH SHA256=c991b247a1a0d7bb9c39aa35faf0fe9e19764213f28ffba3109388e62ee0269c
      DOWNLOAD_EXTRACT_TIMESTAMP OFF)
    FetchContent_MakeAvailable(catch2_source)
    list(APPEND CMAKE_MODULE_PATH ${catch2_source_SOURCE_DIR}/extras)
  endif()
  include(Catch)

  find_path(CLI11_INCLUDE_DIR CLI/CLI.hpp)
  if(NOT CLI11_INCLUDE_DIR)
    message(STATUS "CLI11 is not on this machine (Debian: libcli11-dev); fetching it")
    FetchContent_Declare(cli11_source
      URL https://github.com/CLIUtils/CLI11/archive/v2.4.2.tar.gz
      URL_HASH SHA256=f2d893a65c3b1324c50d4e682c0cdc021dd0477ae2c048544f39eed6654b699a
      DOWNLOAD_EXTRACT_TIMESTAMP OFF
      SOURCE_SUBDIR headers_only)
    FetchContent_MakeAvailable(cli11_source)
    set(CLI11_INCLUDE_DIR ${cli11_source_SOURCE_DIR}/include)
  endif()
endif()
