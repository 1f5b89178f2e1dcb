# What is installed where, and the Debian packages of it (CPack). `./dev package` makes them.
#
#   redflag          redflagd, redflag, redflag-inspect, the unit, pages, completions, the configuration
#   redflag-forward  redflag-forward, alone with LibTorch, whose packages take a gigabyte

set(REDFLAG_MAINTAINER "redflag authors <redflag@noreply.invalid>" CACHE STRING "Maintainer field of the packages")
set(package_dir ${CMAKE_CURRENT_LIST_DIR})
set(pages ${PROJECT_BINARY_DIR}/share)

# Man pages, completions and the commented configuration are what the programs say of themselves.
add_custom_command(
  OUTPUT ${pages}/stamp
  COMMAND ${package_dir}/pages.sh $<TARGET_FILE:redflag> $<TARGET_FILE:redflagd> ${pages}
  COMMAND ${CMAKE_COMMAND} -E touch ${pages}/stamp
  DEPENDS redflag redflagd ${package_dir}/pages.sh VERBATIM)
# Not part of `all`: a sanitizer build need not run its own programs.
add_custom_target(redflag_pages DEPENDS ${pages}/stamp)

configure_file(${package_dir}/debian/changelog.in ${PROJECT_BINARY_DIR}/changelog @ONLY)
add_custom_command(
  OUTPUT ${PROJECT_BINARY_DIR}/changelog.Debian.gz
  COMMAND gzip -9nc changelog > changelog.Debian.gz
  WORKING_DIRECTORY ${PROJECT_BINARY_DIR}
  DEPENDS ${package_dir}/debian/changelog.in ${PROJECT_BINARY_DIR}/changelog VERBATIM)
add_custom_target(redflag_changelog DEPENDS ${PROJECT_BINARY_DIR}/changelog.Debian.gz)

include(GNUInstallDirs)
set(doc share/doc/redflag)
install(TARGETS redflagd redflag DESTINATION bin COMPONENT redflag)
install(TARGETS redflag-inspect DESTINATION libexec/redflag COMPONENT redflag)
install(DIRECTORY ${pages}/man ${pages}/bash-completion ${pages}/zsh ${pages}/fish DESTINATION share COMPONENT redflag)
install(FILES ${PROJECT_SOURCE_DIR}/README.md DESTINATION ${doc} COMPONENT redflag)
install(FILES ${PROJECT_SOURCE_DIR}/docs/configuration.md ${PROJECT_SOURCE_DIR}/docs/rules.md
  ${PROJECT_SOURCE_DIR}/docs/inspect.md ${PROJECT_SOURCE_DIR}/docs/detection.md
  ${PROJECT_SOURCE_DIR}/docs/troubleshooting.md ${PROJECT_SOURCE_DIR}/docs/faq.md DESTINATION ${doc}/docs COMPONENT redflag)
install(DIRECTORY ${PROJECT_SOURCE_DIR}/docs/prometheus ${PROJECT_SOURCE_DIR}/docs/grafana DESTINATION ${doc}/docs COMPONENT redflag)
install(DIRECTORY ${PROJECT_SOURCE_DIR}/systemd/redflag.service.d/ DESTINATION ${doc}/examples/redflag.service.d COMPONENT redflag)
install(FILES ${PROJECT_SOURCE_DIR}/systemd/redflag-user.service DESTINATION ${doc}/examples COMPONENT redflag)
install(FILES ${package_dir}/debian/copyright ${PROJECT_BINARY_DIR}/changelog.Debian.gz DESTINATION ${doc} COMPONENT redflag)
install(FILES ${package_dir}/debian/redflag.lintian-overrides DESTINATION share/lintian/overrides RENAME redflag COMPONENT redflag)
# Where they have to be whatever the prefix.
install(FILES ${PROJECT_SOURCE_DIR}/systemd/redflag.service DESTINATION /lib/systemd/system COMPONENT redflag)
install(FILES ${pages}/redflag.yaml DESTINATION /etc/redflag COMPONENT redflag)
if(TARGET redflag-forward)
  install(TARGETS redflag-forward DESTINATION libexec/redflag COMPONENT forward)
  install(FILES ${package_dir}/debian/copyright ${PROJECT_BINARY_DIR}/changelog.Debian.gz DESTINATION share/doc/redflag-forward COMPONENT forward)
  install(FILES ${package_dir}/debian/redflag-forward.lintian-overrides DESTINATION share/lintian/overrides RENAME redflag-forward
    COMPONENT forward)
endif()

set(CPACK_GENERATOR DEB)
set(CPACK_PACKAGE_NAME redflag)
set(CPACK_PACKAGE_VENDOR "the redflag authors")
set(CPACK_PACKAGE_CONTACT "${REDFLAG_MAINTAINER}")
set(CPACK_PACKAGE_DIRECTORY ${PROJECT_BINARY_DIR}/package)
set(CPACK_PACKAGING_INSTALL_PREFIX /usr)
set(CPACK_STRIP_FILES ON)
set(CPACK_INSTALL_DEFAULT_DIRECTORY_PERMISSIONS OWNER_READ OWNER_WRITE OWNER_EXECUTE GROUP_READ GROUP_EXECUTE WORLD_READ WORLD_EXECUTE)
set(CPACK_DEB_COMPONENT_INSTALL ON)
set(CPACK_COMPONENTS_GROUPING IGNORE)
set(CPACK_COMPONENTS_ALL redflag)
set(CPACK_DEBIAN_FILE_NAME DEB-DEFAULT)
set(CPACK_DEBIAN_PACKAGE_RELEASE 1)
set(CPACK_DEBIAN_PACKAGE_PRIORITY optional)
set(CPACK_DEBIAN_PACKAGE_SECTION admin)
set(CPACK_DEBIAN_PACKAGE_SHLIBDEPS ON)
set(CPACK_DEBIAN_PACKAGE_CONTROL_STRICT_PERMISSION ON)

set(CPACK_DEBIAN_REDFLAG_PACKAGE_NAME redflag)
# Each description begins with its own synopsis; a summary for all would be put before it.
set(CPACK_PACKAGE_DESCRIPTION_SUMMARY "")
set(CPACK_COMPONENT_REDFLAG_DESCRIPTION "monitor of machine-learning training
redflagd follows training runs on Weights & Biases and watches directories of
results. Rules say what is wrong: a loss that diverges, gradients that explode,
NaN, a run that stalls or dies, a damaged checkpoint, a full disk. Alerts go to
Slack and to the log, and survive crashes and outages.

The package holds the daemon, the operator's command redflag, and the sandboxed
reader of tensor files.")
set(CPACK_DEBIAN_REDFLAG_PACKAGE_DEPENDS "init-system-helpers (>= 1.54~)")
set(CPACK_DEBIAN_REDFLAG_PACKAGE_RECOMMENDS "ca-certificates")
set(CPACK_DEBIAN_REDFLAG_PACKAGE_SUGGESTS "redflag-forward")
set(CPACK_DEBIAN_REDFLAG_PACKAGE_CONTROL_EXTRA
  "${package_dir}/debian/postinst;${package_dir}/debian/prerm;${package_dir}/debian/postrm;${package_dir}/debian/conffiles")

if(TARGET redflag-forward)
  list(APPEND CPACK_COMPONENTS_ALL forward)
  set(CPACK_DEBIAN_FORWARD_PACKAGE_NAME redflag-forward)
  set(CPACK_COMPONENT_FORWARD_DESCRIPTION "monitor of machine-learning training - forward passes
redflag-forward runs checkpoints on a fixed input and measures the drift of
representations, for redflagd. It is a package of its own because it needs
LibTorch. It is started only when there is a checkpoint to check.")
  set(CPACK_DEBIAN_FORWARD_PACKAGE_DEPENDS "redflag (= ${PROJECT_VERSION}-1)")
  set(CPACK_DEBIAN_FORWARD_PACKAGE_RECOMMENDS "libopenblas0-pthread")
endif()
include(CPack)
