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
