#include "daemon/local/console.h"
#include "tests/support/catch.h"
TEST_CASE("x","[x]"){ CHECK(redflag::daemon::local::LogPatterns::load()); }
