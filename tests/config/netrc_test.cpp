// netrc in the layouts that people and programs write.
#include "daemon/config/netrc.h"

#include <string>

#include "tests/support/catch.h"

using redflag::daemon::netrc_password;

namespace {
std::string password(std::string_view text, std::string_view host = "api.wandb.ai") {
  const auto found = netrc_password(text, host);
  return found ? std::string(found->reveal()) : "none";
}
}  // namespace

TEST_CASE("The password of the host's machine entry is found in any layout", "[config][netrc]") {
  CHECK(password("machine api.wandb.ai\n  login user\n  password KEY\n") == "KEY");
  CHECK(password("machine api.wandb.ai login user password KEY") == "KEY");
  CHECK(password("machine\tapi.wandb.ai\r\n\tpassword KEY\r\n\tlogin user\r\n") == "KEY");
  CHECK(password("machine other login a password WRONG machine api.wandb.ai login b password KEY\nmachine "
                 "third password W") == "KEY");
  CHECK(password("machine API.wandb.AI password KEY") == "KEY");
  CHECK(password("machine api.wandb.ai account acc login user password KEY") == "KEY");
  CHECK(
      password(
          "machine api.wandb.ai login user password KEY\nmachine api.wandb.ai login user password SECOND") ==
      "KEY");
}

TEST_CASE("Words of the format can be names and passwords", "[config][netrc]") {
  CHECK(password("machine machine login password password WRONG\nmachine api.wandb.ai login machine password "
                 "password\n") == "password");
  CHECK(password("machine api.wandb.ai login #user password #KEY") == "#KEY");
  CHECK(password("machine api.wandb.ai login \"a \\\"b\" password \"K \\\\Y\"") == "K \\Y");
}

TEST_CASE("Comments and macros are passed over", "[config][netrc]") {
  CHECK(
      password(
          "# machine api.wandb.ai password WRONG\nmachine api.wandb.ai # why\n login user password KEY\n") ==
      "KEY");
  CHECK(
      password(
          "macdef init\ncd /x\nmachine api.wandb.ai password WRONG\n\nmachine api.wandb.ai password KEY\n") ==
      "KEY");
  CHECK(password("macdef init\nmachine api.wandb.ai password WRONG") == "none");
}

TEST_CASE("The default entry is used only when no machine matches", "[config][netrc]") {
  CHECK(password("default login user password D\n") == "D");
  CHECK(password("default login user password D\nmachine api.wandb.ai password KEY") == "KEY");
  CHECK(password("machine api.wandb.ai login user\ndefault password D") == "D");
}

TEST_CASE("Broken files give nothing rather than something wrong", "[config][netrc]") {
  CHECK(password("") == "none");
  CHECK(password("machine") == "none");
  CHECK(password("machine api.wandb.ai password") == "none");
  CHECK(password("machine api.wandb.ai password \"\"") == "none");
  CHECK(password("machine api.wandb.ai.evil.example password WRONG") == "none");
  CHECK(password("password WRONG machine api.wandb.ai") == "none");
  CHECK(password("machine api.wandb.ai password \"never closed") == "never closed");
  CHECK(password(std::string(100000, '"')) == "none");
}
