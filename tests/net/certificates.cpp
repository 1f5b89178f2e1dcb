// OpenSSL 3's C interface, wrapped just enough to throw instead of crash.
#include "certificates.h"

#include <cstdlib>
#include <filesystem>
#include <stdexcept>

#include <openssl/bio.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <unistd.h>

namespace redflag::daemon::test {
namespace {

struct Free {
  void operator()(EVP_PKEY* key) const { EVP_PKEY_free(key); }
  void operator()(X509* certificate) const { X509_free(certificate); }
  void operator()(BIO* bio) const { BIO_free(bio); }
  void operator()(X509_EXTENSION* extension) const { X509_EXTENSION_free(extension); }
};
using Key = std::unique_ptr<EVP_PKEY, Free>;
using Certificate = std::unique_ptr<X509, Free>;

void check(bool good) {
  if (!good) {
    throw std::runtime_error("OpenSSL could not make a test's certificate");
  }
}

Key make_key() {
  Key key(EVP_EC_gen("P-256"));
  check(key != nullptr);
  return key;
}

void extend(X509* certificate, X509* issuer, int nid, const std::string& value) {
  X509V3_CTX context{};
  X509V3_set_ctx(&context, issuer, certificate, nullptr, nullptr, 0);
  const std::unique_ptr<X509_EXTENSION, Free> extension(
      X509V3_EXT_conf_nid(nullptr, &context, nid, value.c_str()));
  check(extension && X509_add_ext(certificate, extension.get(), -1) == 1);
}

Certificate make_certificate(const std::string& name, EVP_PKEY* key, X509* issuer, int from_hours,
                             int until_hours) {
  static long serial = 0;
  Certificate certificate(X509_new());
  check(certificate != nullptr);
  X509_set_version(certificate.get(), X509_VERSION_3);
  ASN1_INTEGER_set(X509_get_serialNumber(certificate.get()), ++serial);
  X509_gmtime_adj(X509_getm_notBefore(certificate.get()), from_hours * 3600L);
  X509_gmtime_adj(X509_getm_notAfter(certificate.get()), until_hours * 3600L);
  X509_set_pubkey(certificate.get(), key);
  X509_NAME* subject = X509_get_subject_name(certificate.get());
  X509_NAME_add_entry_by_txt(subject, "CN", MBSTRING_ASC,
                             reinterpret_cast<const unsigned char*>(name.c_str()), -1, -1, 0);
  X509_set_issuer_name(certificate.get(), issuer != nullptr ? X509_get_subject_name(issuer) : subject);
  return certificate;
}

std::string text_of(BIO* bio) {
  char* data = nullptr;
  const long size = BIO_ctrl(bio, BIO_CTRL_INFO, 0, &data);
  return std::string(data, static_cast<std::size_t>(size));
}

std::string pem_of(X509* certificate) {
  const std::unique_ptr<BIO, Free> bio(BIO_new(BIO_s_mem()));
  check(PEM_write_bio_X509(bio.get(), certificate) == 1);
  return text_of(bio.get());
}

}  // namespace

struct Authority::Keys {
  Key key = make_key();
  Certificate certificate;
};

Authority::Authority() : keys_(std::make_unique<Keys>()) {
  keys_->certificate = make_certificate("redflag test authority", keys_->key.get(), nullptr, -48, 48);
  extend(keys_->certificate.get(), keys_->certificate.get(), NID_basic_constraints, "critical,CA:TRUE");
  extend(keys_->certificate.get(), keys_->certificate.get(), NID_key_usage, "critical,keyCertSign,cRLSign");
  check(X509_sign(keys_->certificate.get(), keys_->key.get(), EVP_sha256()) > 0);
}

Authority::~Authority() = default;

std::string Authority::pem() const {
  return pem_of(keys_->certificate.get());
}

Identity Authority::issue(const std::string& subject_alt_name, int from_hours, int until_hours) const {
  const Key key = make_key();
  X509* issuer = keys_->certificate.get();
  const Certificate certificate =
      make_certificate("redflag test server", key.get(), issuer, from_hours, until_hours);
  extend(certificate.get(), issuer, NID_subject_alt_name, subject_alt_name);
  check(X509_sign(certificate.get(), keys_->key.get(), EVP_sha256()) > 0);
  const std::unique_ptr<BIO, Free> bio(BIO_new(BIO_s_mem()));
  check(PEM_write_bio_PrivateKey(bio.get(), key.get(), nullptr, nullptr, 0, nullptr, nullptr) == 1);
  return Identity{pem_of(certificate.get()), text_of(bio.get())};
}

TemporaryFile::TemporaryFile(const std::string& text) {
  path_ = (std::filesystem::temp_directory_path() / "redflag-test-XXXXXX").string();
  const int file = mkstemp(path_.data());
  check(file >= 0);
  const ssize_t written = write(file, text.data(), text.size());
  close(file);
  check(written == static_cast<ssize_t>(text.size()));
}

TemporaryFile::~TemporaryFile() {
  std::error_code ignored;
  std::filesystem::remove(path_, ignored);
}

}  // namespace redflag::daemon::test
