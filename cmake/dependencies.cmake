# Every library comes from Debian; docs/dependencies.md says why each is here.

find_package(Threads REQUIRED)
find_package(OpenSSL REQUIRED)
find_package(SQLite3 REQUIRED)
find_package(ZLIB REQUIRED)
find_package(nlohmann_json REQUIRED)
find_package(fmt REQUIRED)
find_package(spdlog REQUIRED)
find_package(yaml-cpp REQUIRED)
find_package(Boost 1.81 REQUIRED)

add_library(redflag_asio INTERFACE)
# Asio and Beast are compiled once (daemon/net/boost_impl.cpp), not in every file that includes them.
target_compile_definitions(redflag_asio INTERFACE
  BOOST_ASIO_SEPARATE_COMPILATION BOOST_BEAST_SEPARATE_COMPILATION BOOST_ASIO_NO_DEPRECATED)
target_link_libraries(redflag_asio INTERFACE Boost::headers Threads::Threads OpenSSL::SSL OpenSSL::Crypto)

add_library(redflag_yaml INTERFACE)
if(TARGET yaml-cpp::yaml-cpp)
  target_link_libraries(redflag_yaml INTERFACE yaml-cpp::yaml-cpp)
else()
  target_link_libraries(redflag_yaml INTERFACE yaml-cpp)
endif()
