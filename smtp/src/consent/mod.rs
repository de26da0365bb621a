//! A user's consent to send mail in their name (OAuth 2, RFC 6749).
//!
//! The result of a consent is a refresh token, for [`OAuth2::refresh_token`](crate::settings::OAuth2::refresh_token).
//! There are three ways to it:
//!
//! | the user has | method | RFC |
//! |---|---|---|
//! | a browser on this machine | [`ConsentRequest::begin`] listens on the loopback interface | 8252 |
//! | a browser on any machine | [`ConsentRequest::begin_on_device`] shows a code to enter there | 8628 |
//! | a browser, and your platform has a web server | [`ConsentRequest::at`] redirects to your server | 6749 |
//!
//! Each returns what to show to the user, and then waits or polls. All requests use PKCE (RFC 7636) with S256 and check
//! the state. If the scope contains `openid`, they also check the nonce. The requests go through an [`HttpClient`]:
//! [`NetworkClient`], or your own. Where the refresh token is stored is up to you.
//!
//! ```no_run
//! # async fn example() -> Result<(), Box<dyn std::error::Error>> {
//! use smtp_connector_smtp::consent::{ConsentRequest, Endpoints, Loopback, NetworkClient};
//! use smtp_connector_smtp::secret::SecretSource;
//!
//! let client = NetworkClient::new();
//! let endpoints = Endpoints::discover("https://login.example.com", &client).await?;
//! let request = ConsentRequest::new(endpoints, "client-id").scope("mail.send offline_access");
//! let consent = request.begin(Loopback::default()).await?;
//! println!("open {}", consent.url());
//! let grant = consent.finish(&client).await?;
//! // ... store `grant.refresh_token` where the account finds it ...
//! let login = grant.login(SecretSource::File("/run/secrets/refresh-token".into()));
//! # Ok(()) }
//! ```

mod answer;
mod authorization;
mod client;
mod device;
mod loopback;
mod metadata;
mod page;
mod request;
mod tokens;

pub use authorization::Authorization;
pub use client::{HttpClient, NetworkClient};
pub use device::DeviceConsent;
pub use loopback::{Consent, Loopback, LoopbackHost};
pub use request::{ConsentRequest, Endpoints};
pub use tokens::Grant;
