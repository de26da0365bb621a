//! Certificates in PEM files, and what is wrong with a file that has none.

use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::{self, PemObject as _, SectionKind};

/// The certificates in a PEM file, at least one; or else what is wrong, in a sentence about "it", the file.
pub(crate) fn certificates(file: &[u8]) -> Result<Vec<CertificateDer<'static>>, String> {
    // Editors on Windows begin a file with a mark.
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
            "there is a private key in it, and no certificate".to_owned()
        }
        Some(SectionKind::Csr) => {
            "there is a certificate request in it, and no certificate: an authority has to sign it first"
                .to_owned()
        }
        _ => "there is no certificate in it".to_owned(),
    })
}

/// What is wrong with a PEM file. The library's own words have bytes in them as numbers.
pub(crate) fn pem_problem(error: &pem::Error) -> String {
    match error {
        pem::Error::MissingSectionEnd { .. } => {
            "a section in it has no end: the line -----END ...----- is missing".to_owned()
        }
        pem::Error::IllegalSectionStart { .. } => {
            "a line in it that begins a section is damaged: -----BEGIN ...-----".to_owned()
        }
        pem::Error::Base64Decode(_) => "a section in it is not base64".to_owned(),
        pem::Error::Io(reason) => reason.to_string(),
        pem::Error::NoItemsFound => "it has no section of the kind that is needed".to_owned(),
        pem::Error::SectionTooLarge => "a section in it is too large".to_owned(),
        _ => "it is not a PEM file".to_owned(),
    }
}
