//! The account's client certificate, for servers that ask for one.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use rustls::SignatureScheme;
use rustls::client::ResolvesClientCert;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::sign::CertifiedKey;

use crate::network::{Certificate, provider};

/// Sends the account's client certificate to a server that asks for one, and records that the server asked. TLS 1.2 has
/// no alert for a missing certificate.
#[derive(Debug)]
pub(crate) struct ClientAuth {
    own: Option<Arc<CertifiedKey>>,
    asked: AtomicBool,
}

impl ClientAuth {
    /// Creates one without a certificate.
    pub(crate) fn none() -> Self {
        Self { own: None, asked: AtomicBool::new(false) }
    }

    /// Creates one with a certificate and its key. The error says what is wrong with them.
    pub(crate) fn new(
        chain: Vec<CertificateDer<'static>>,
        key: PrivateKeyDer<'static>,
    ) -> Result<Self, &'static str> {
        let key = provider()
            .key_provider
            .load_private_key(key)
            .map_err(|_| "its key is damaged, or of a kind that is not supported")?;
        // rustls compares them too, but refuses version 1 certificates, which `openssl x509 -req` creates.
        let read = chain.first().and_then(|own| Certificate::read(own));
        let certified = read.ok_or("it is malformed")?.key();
        if key.public_key().is_some_and(|public| public != certified) {
            return Err("the key does not belong to the certificate");
        }
        let own = Some(Arc::new(CertifiedKey::new(chain, key)));
        Ok(Self { own, asked: AtomicBool::new(false) })
    }

    /// Reports whether the server asked for a certificate.
    pub(crate) fn was_asked(&self) -> bool {
        self.asked.load(Ordering::Relaxed)
    }
}

impl ResolvesClientCert for ClientAuth {
    fn resolve(&self, _: &[&[u8]], _: &[SignatureScheme]) -> Option<Arc<CertifiedKey>> {
        self.asked.store(true, Ordering::Relaxed);
        self.own.clone()
    }

    fn has_certs(&self) -> bool {
        self.own.is_some()
    }
}
