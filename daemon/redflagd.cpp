#include <string>
#include <vector>

#include "daemon/app/program.h"

int main(int argc, char** argv) {
  return redflag::daemon::redflagd_main(std::vector<std::string>(argv + 1, argv + argc));
}
