# What REDFLAG_STATIC changes: where Debian has no static archive, the header-only form of the same library stands in.
# OpenSSL, SQLite, yaml-cpp, zlib and libseccomp have one; fmt and spdlog are headers; CRC-32 comes from zlib, not ISA-L.

add_library(fmt::fmt INTERFACE IMPORTED)
target_compile_definitions(fmt::fmt INTERFACE FMT_HEADER_ONLY=1)
add_library(spdlog::spdlog INTERFACE IMPORTED)
target_compile_definitions(spdlog::spdlog INTERFACE SPDLOG_FMT_EXTERNAL)
target_link_libraries(spdlog::spdlog INTERFACE fmt::fmt)

# yaml-cpp's own CMake files know only the shared library.
find_library(REDFLAG_YAML_ARCHIVE yaml-cpp REQUIRED)
add_library(redflag_static_yaml INTERFACE)
target_link_libraries(redflag_static_yaml INTERFACE ${REDFLAG_YAML_ARCHIVE})

# Static, yet at a random address.
add_link_options(-static-pie)
add_compile_definitions(REDFLAG_STATIC)

# glibc's own archive warns that getaddrinfo may load modules of another version (nsswitch.conf's), gethostbyname and dlopen likewise.
# We restrict the first to files and DNS, which are built in (daemon/net/resolver.cpp); the second is OpenSSL's and never called, the
# third SQLite's, whose extensions are off. These three come from a copy without the warnings, so that any other warning is seen.
# (The linker's --no-warnings would hide undefined symbols as well.)
execute_process(COMMAND ${CMAKE_CXX_COMPILER} -print-file-name=libc.a OUTPUT_VARIABLE libc OUTPUT_STRIP_TRAILING_WHITESPACE)
set(quiet ${PROJECT_BINARY_DIR}/quiet)
file(MAKE_DIRECTORY ${quiet})
execute_process(COMMAND ${CMAKE_AR} x ${libc} getaddrinfo.o gethstbynm.o dlopen.o WORKING_DIRECTORY ${quiet} COMMAND_ERROR_IS_FATAL ANY)
foreach(member getaddrinfo gethstbynm dlopen)
  execute_process(COMMAND ${CMAKE_OBJCOPY} -w -R .gnu.warning.* ${member}.o WORKING_DIRECTORY ${quiet} COMMAND_ERROR_IS_FATAL ANY)
endforeach()
file(REMOVE ${quiet}/libquiet.a)
execute_process(COMMAND ${CMAKE_AR} rc libquiet.a getaddrinfo.o gethstbynm.o dlopen.o WORKING_DIRECTORY ${quiet} COMMAND_ERROR_IS_FATAL ANY)
set(CMAKE_CXX_STANDARD_LIBRARIES ${quiet}/libquiet.a)
