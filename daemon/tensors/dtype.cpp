#include "daemon/tensors/dtype.h"

#include <array>

namespace redflag::tensors {
namespace {

struct Row {
  DType type;
  std::string_view name;
  std::uint64_t size;
  bool floating;
  std::string_view storage;  ///< torch's typed storage, without "Storage"
  std::string_view safetensors;
  std::string_view numpy;
};

constexpr std::array<Row, 23> kTypes{{
    {DType::float64, "float64", 8, true, "Double", "F64", "f8"},
    {DType::float32, "float32", 4, true, "Float", "F32", "f4"},
    {DType::float16, "float16", 2, true, "Half", "F16", "f2"},
    {DType::bfloat16, "bfloat16", 2, true, "BFloat16", "BF16", ""},
    {DType::float8_e4m3, "float8_e4m3fn", 1, true, "Float8_e4m3fn", "F8_E4M3", ""},
    {DType::float8_e5m2, "float8_e5m2", 1, true, "Float8_e5m2", "F8_E5M2", ""},
    {DType::float8_e4m3fnuz, "float8_e4m3fnuz", 1, true, "Float8_e4m3fnuz", "F8_E4M3FNUZ", ""},
    {DType::float8_e5m2fnuz, "float8_e5m2fnuz", 1, true, "Float8_e5m2fnuz", "F8_E5M2FNUZ", ""},
    {DType::float8_e8m0, "float8_e8m0fnu", 1, true, "Float8_e8m0fnu", "F8_E8M0", ""},
    {DType::complex32, "complex32", 4, true, "ComplexHalf", "C32", ""},
    {DType::complex64, "complex64", 8, true, "ComplexFloat", "C64", "c8"},
    {DType::complex128, "complex128", 16, true, "ComplexDouble", "C128", "c16"},
    {DType::int8, "int8", 1, false, "Char", "I8", "i1"},
    {DType::uint8, "uint8", 1, false, "Byte", "U8", "u1"},
    {DType::int16, "int16", 2, false, "Short", "I16", "i2"},
    {DType::uint16, "uint16", 2, false, "UInt16", "U16", "u2"},
    {DType::int32, "int32", 4, false, "Int", "I32", "i4"},
    {DType::uint32, "uint32", 4, false, "UInt32", "U32", "u4"},
    {DType::int64, "int64", 8, false, "Long", "I64", "i8"},
    {DType::uint64, "uint64", 8, false, "UInt64", "U64", "u8"},
    {DType::boolean, "bool", 1, false, "Bool", "BOOL", "b1"},
    {DType::opaque8, "opaque8", 1, false, "QInt8", "", ""},
    {DType::opaque32, "opaque32", 4, false, "QInt32", "", ""},
}};

const Row& row(DType type) {
  return kTypes.at(static_cast<std::size_t>(type));
}

template <typename Field>
std::optional<DType> find(std::string_view name, Field field) {
  if (name.empty()) return std::nullopt;
  for (const Row& each : kTypes) {
    if (each.*field == name) return each.type;
  }
  return std::nullopt;
}

}  // namespace

std::string_view to_string(DType type) {
  return row(type).name;
}

std::uint64_t size_of(DType type) {
  return row(type).size;
}

bool is_floating(DType type) {
  return row(type).floating;
}

std::optional<DType> dtype_of_storage(std::string_view name) {
  constexpr std::string_view kEnd = "Storage";
  if (name.size() <= kEnd.size() || name.substr(name.size() - kEnd.size()) != kEnd) return std::nullopt;
  name.remove_suffix(kEnd.size());
  if (name == "Untyped" || name == "_Untyped") return DType::uint8;
  // Four and two bits to an element: one byte holds several, so only bytes are counted.
  if (name == "QUInt8" || name == "QUInt4x2" || name == "QUInt2x4") return DType::opaque8;
  return find(name, &Row::storage);
}

std::optional<DType> dtype_of_torch(std::string_view name) {
  if (name.substr(0, 6) == "torch.") name.remove_prefix(6);
  struct Alias {
    std::string_view alias, name;
  };
  constexpr std::array<Alias, 10> kAliases{{{"half", "float16"},
                                            {"float", "float32"},
                                            {"double", "float64"},
                                            {"short", "int16"},
                                            {"int", "int32"},
                                            {"long", "int64"},
                                            {"cfloat", "complex64"},
                                            {"cdouble", "complex128"},
                                            {"chalf", "complex32"},
                                            {"float8_e4m3", "float8_e4m3fn"}}};
  for (const Alias& each : kAliases) {
    if (each.alias == name) name = each.name;
  }
  if (name == "qint8" || name == "quint8" || name == "quint4x2" || name == "quint2x4") return DType::opaque8;
  if (name == "qint32") return DType::opaque32;
  return find(name, &Row::name);
}

std::optional<DType> dtype_of_safetensors(std::string_view name) {
  return find(name, &Row::safetensors);
}

std::optional<DType> dtype_of_numpy(std::string_view name) {
  return find(name, &Row::numpy);
}

}  // namespace redflag::tensors
