//! The settings of a mail server and its connections.

mod certificate_pin;
mod checks;
mod login;
mod oauth2;
mod proxy;
mod security;
mod server;
mod timeouts;

pub use certificate_pin::CertificatePin;
pub use login::{AuthSecret, Credentials};
pub use oauth2::{ConsentUrls, OAuth2, TokenRequest, TokenSource, TokenUrl};
pub use proxy::{Proxy, ProxyKind};
pub use security::{Auth, ClientCertificate, Security, TlsSettings, TlsVersion};
pub use server::{Provider, ServerSettings, ServerSettingsBuilder};
pub use timeouts::Timeouts;
