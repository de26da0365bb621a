//! Reads certificates from PEM files, and explains what is wrong with a file without one.

use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::{self, PemObject as _, SectionKind};

/// Returns the certificates in a PEM file, at least one. The error is a sentence about "it", the file.
pub(crate) fn certificates(file: &[u8]) -> Result<Vec<CertificateDer<'static>>, String> {
    // Editors on Windows begin a file with a byte order mark.
    let file = file.strip_prefix("\u{feff}".as_bytes()).unwrap_or(file);
    let found: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(file).collect();
    let found = found.map_err(|error| pem_problem(&error))?;
    if !found.is_empty() {
        return Ok(found);
    }
    // DER begins with a sequence of more than 255 bytes, PEM with dashes or text.
    if file.starts_with(&[0x30, 0x82]) {
        return Err("it is DER or PKCS #12, not PEM; if it is a certificate, convert it: openssl x509 -inform der \
                    -in FILE -out FILE.pem"
            .to_owned());
    }
    let other = <(SectionKind, Vec<u8>)>::pem_slice_iter(file).find_map(Result::ok);
    Err(match other.map(|(kind, _)| kind) {
        Some(SectionKind::RsaPrivateKey | SectionKind::PrivateKey | SectionKind::EcPrivateKey) => {
            "it contains a private key but no certificate".to_owned()
        }
        Some(SectionKind::Csr) => {
            "it contains a certificate request but no certificate: a certificate authority must sign it first"
                .to_owned()
        }
        _ => "it contains no certificate".to_owned(),
    })
}

/// Describes what is wrong with a PEM file. The library's error text is not used, since it shows bytes as numbers.
pub(crate) fn pem_problem(error: &pem::Error) -> String {
    match error {
        pem::Error::MissingSectionEnd { .. } => {
            "a section in it is not complete: the line -----END ...----- is missing".to_owned()
        }
        pem::Error::IllegalSectionStart { .. } => {
            "the first line of a section in it (-----BEGIN ...-----) is damaged".to_owned()
        }
        pem::Error::Base64Decode(_) => "a section in it is not base64".to_owned(),
        pem::Error::Io(reason) => reason.to_string(),
        pem::Error::NoItemsFound => "it does not contain the required kind of section".to_owned(),
        pem::Error::SectionTooLarge => "a section in it is too large".to_owned(),
        _ => "it is not a PEM file".to_owned(),
    }
}
