// The API's handlers on simulated time, asked without a socket.
#pragma once

#include <string>

#include <boost/asio/io_context.hpp>
#include <nlohmann/json.hpp>

#include "daemon/api/handlers.h"
#include "daemon/base/simulated_clock.h"
#include "tests/api/fake_operations.h"
#include "tests/api/fake_views.h"
#include "tests/support/catch.h"
#include "tests/support/loop.h"

namespace redflag::test {

struct Said {
  int status = 0;
  nlohmann::ordered_json json;
  std::string allow;
};

struct Asked {
  SimulatedClock clock{kDocumentedNow};
  FakeOperations operations{clock};
  FakeViews views;
  api::Handlers handlers{operations, views, clock,
                         [](std::uint32_t uid) { return uid == 1000 ? "alice" : "other"; }};
  asio::io_context context;

  Asked() { fill(operations); }

  Said ask(const std::string& method, const std::string& target, const std::string& body = {}) {
    ServerRequest request;
    request.method = method;
    request.target = target;
    request.body = body;
    request.peer_uid = 1000;
    const ServerResponse response = run_to_end(context, handlers.answer(std::move(request)));
    INFO(response.body);
    // ASCII throughout, and JSON whatever was asked.
    CHECK(std::all_of(response.body.begin(), response.body.end(),
                      [](char c) { return c == '\n' || (c >= ' ' && c <= '~'); }));
    Said said{response.status, nlohmann::ordered_json::parse(response.body), ""};
    for (const HttpHeader& header : response.headers) {
      if (header.name == "Allow") said.allow = header.value;
    }
    return said;
  }
  Said get(const std::string& target) { return ask("GET", target); }
  Said post(const std::string& target, const std::string& body) { return ask("POST", target, body); }
};

/// "invalid_input: there is no state …": the error of an answer, in one line.
inline std::string error_of(const Said& said) {
  if (!said.json.contains("error")) return "no error: " + said.json.dump();
  const auto& error = said.json["error"];
  return error["code"].get<std::string>() + ": " + error["what"].get<std::string>() + " | " +
         error["advice"].get<std::string>();
}

}  // namespace redflag::test
