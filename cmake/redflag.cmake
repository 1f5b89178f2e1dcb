# How every target of the project is compiled, and two helpers that keep the folders' lists short.

if(NOT CMAKE_BUILD_TYPE)
  set(CMAKE_BUILD_TYPE Release)
endif()

find_program(CCACHE ccache)
if(CCACHE)
  set(CMAKE_CXX_COMPILER_LAUNCHER ${CCACHE})
endif()

option(REDFLAG_SANITIZE "Build with address and undefined-behaviour sanitizers" OFF)

add_library(redflag_options INTERFACE)
target_compile_options(redflag_options INTERFACE
  -Wall -Wextra -Wpedantic -Wshadow -Wnon-virtual-dtor -Wold-style-cast -Woverloaded-virtual
  -Wconversion -Wno-sign-conversion -Werror
  # GCC 12 and 14 report these falsely inside inlined standard and Boost code.
  -Wno-maybe-uninitialized -Wno-array-bounds -Wno-stringop-overflow -Wno-stringop-overread
  -Wno-restrict -Wno-dangling-reference -Wno-unknown-warning-option)
target_include_directories(redflag_options INTERFACE ${PROJECT_SOURCE_DIR})
if(REDFLAG_SANITIZE)
  target_compile_options(redflag_options INTERFACE -fsanitize=address,undefined -fno-sanitize-recover=all
    -fno-omit-frame-pointer)
  target_link_options(redflag_options INTERFACE -fsanitize=address,undefined)
endif()

# redflag_library(NAME SOURCES a.cpp b.cpp DEPS other libs): a static library of one folder.
function(redflag_library name)
  cmake_parse_arguments(arg "" "" "SOURCES;DEPS" ${ARGN})
  add_library(${name} STATIC ${arg_SOURCES})
  target_link_libraries(${name} PUBLIC redflag_options ${arg_DEPS})
endfunction()

# redflag_program(NAME SOURCES ... DEPS ...): one of the programs; all land in BUILD/bin.
function(redflag_program name)
  cmake_parse_arguments(arg "" "" "SOURCES;DEPS" ${ARGN})
  add_executable(${name} ${arg_SOURCES})
  target_link_libraries(${name} PRIVATE redflag_options ${arg_DEPS})
  set_target_properties(${name} PROPERTIES RUNTIME_OUTPUT_DIRECTORY ${PROJECT_BINARY_DIR}/bin)
endfunction()

# redflag_test(NAME SOURCES ... DEPS ...): a Catch2 executable registered with ctest under NAME.
function(redflag_test name)
  cmake_parse_arguments(arg "" "" "SOURCES;DEPS" ${ARGN})
  add_executable(${name} ${arg_SOURCES})
  target_link_libraries(${name} PRIVATE redflag_test_main ${arg_DEPS})
  add_test(NAME ${name} COMMAND ${name})
  set_tests_properties(${name} PROPERTIES TIMEOUT 300)
endfunction()
