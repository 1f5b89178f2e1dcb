// libFuzzer target for the simulator's GraphQL: whatever a client sends is answered with JSON. Built and run
// by
// `./dev campaign fuzz`.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "daemon/simulator/graphql_document.h"
#include "daemon/simulator/graphql_executor.h"

namespace {

namespace graphql = redflag::daemon::graphql;

/// Answers every field with itself again, so that the depth of the query is all that bounds the answer.
class Echo : public graphql::Object {
 public:
  std::string_view type() const override { return "Query"; }
  const std::vector<graphql::FieldInfo>& fields() const override {
    static const std::vector<graphql::FieldInfo> list = {{"a", {"x", "y"}}, {"b", {}}, {"leaf", {"x"}}};
    return list;
  }
  redflag::Result<graphql::Value> resolve(std::string_view field,
                                          const nlohmann::json& arguments) const override {
    if (field == "leaf") return graphql::Value{arguments};
    if (field == "b") return graphql::Value{std::vector<graphql::Value>{again(), again()}};
    return again();
  }

 private:
  static graphql::Value again() { return graphql::ObjectPtr{std::make_shared<Echo>()}; }
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto document = graphql::parse({reinterpret_cast<const char*>(data), size});
  if (!document) return 0;
  const auto outcome = graphql::execute(*document, "", {{"x", 1}, {"s", "text"}}, std::make_shared<Echo>());
  if (!outcome.body.contains("data") && !outcome.body.contains("errors")) std::abort();
  return 0;
}
