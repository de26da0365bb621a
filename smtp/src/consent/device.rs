//! The device flow: the user enters a code in a browser on any machine (RFC 8628).

use std::fmt;
use std::time::Duration;

use oauth2::{
    DeviceAuthorizationUrl, DeviceCodeErrorResponse, DeviceCodeErrorResponseType,
    StandardDeviceAuthorizationResponse,
};
use tokio::time::timeout;

use super::answer::refused;
use super::client::HttpClient;
use super::request::{ConsentRequest, oauth2_url};
use super::tokens::{Grant, shown};
use crate::failure::Failure;
use crate::secret::{Redaction, Secret};
use crate::settings::TokenUrl;

/// A consent that waits until the user has entered a code.
pub struct DeviceConsent {
    request: ConsentRequest,
    details: StandardDeviceAuthorizationResponse,
    page: TokenUrl,
    direct: Option<TokenUrl>,
}

/// The longest wait, whatever the server says. Codes live for 15 to 30 minutes.
const LONGEST: Duration = Duration::from_secs(30 * 60);

/// The shortest pause between two polls, whatever the server says.
const SHORTEST_PAUSE: Duration = Duration::from_secs(1);

impl ConsentRequest {
    /// Begins a consent in a browser on any machine: asks for a code, which the user must enter there.
    ///
    /// # Errors
    ///
    /// Returns an error if the device authorization endpoint is not known, or refuses the request.
    pub async fn begin_on_device(&self, http: &dyn HttpClient) -> Result<DeviceConsent, Failure> {
        let Some(endpoint) = &self.endpoints.device else {
            let message = "the provider's device authorization endpoint is not known";
            return Err(Failure::of_settings(message).hint(
                "give the URL of the device authorization endpoint, or ask in a browser on this machine",
            ));
        };
        let (client, tokens) = self.client().await?;
        let client = client
            .set_device_authorization_url(oauth2_url(endpoint, DeviceAuthorizationUrl::from_url));
        let details: Result<StandardDeviceAuthorizationResponse, _> = client
            .exchange_device_code()
            .add_scopes(self.scopes())
            .request_async(&|request| tokens.send(http, request))
            .await;
        let details = details.map_err(|error| {
            tokens.explain(endpoint, error, |answer| {
                (answer.error().as_ref().to_owned(), answer.error_description().cloned())
            })
        })?;
        // The URL comes from the server, and a browser may open it.
        let page = details.verification_uri().as_str().parse().map_err(|_| {
            let message =
                format!("{} names a verification page that is not an https URL", shown(endpoint));
            Failure::of_settings(message).hint("check the URL of the device authorization endpoint")
        })?;
        let direct = details.verification_uri_complete();
        let direct = direct.and_then(|direct| direct.secret().parse().ok());
        Ok(DeviceConsent { request: self.clone(), details, page, direct })
    }
}

impl DeviceConsent {
    /// Returns the page where the user enters the code.
    pub fn verification_url(&self) -> &str {
        self.page.as_str()
    }

    /// Returns the page with the code already filled in, if the provider has one.
    pub fn verification_url_complete(&self) -> Option<&str> {
        self.direct.as_ref().map(TokenUrl::as_str)
    }

    /// Returns the code that the user enters.
    pub fn user_code(&self) -> &str {
        self.details.user_code().secret()
    }

    /// Returns how long the code can be used.
    pub fn expires_in(&self) -> Duration {
        self.details.expires_in().min(LONGEST)
    }

    /// Polls until the user has answered. Keeps the pauses that the server asks for.
    ///
    /// # Errors
    ///
    /// Returns an error if the user denies consent, or if the code expires first.
    pub async fn finish(self, http: &dyn HttpClient) -> Result<Grant, Failure> {
        let endpoint = &self.request.endpoints.token;
        let (client, mut tokens) = self.request.client().await?;
        tokens.redact(&Secret::new(self.details.device_code().secret()));
        let send = |request| tokens.send(http, request);
        let polling = client.exchange_device_access_token(&self.details).request_async(
            &send,
            |pause| tokio::time::sleep(pause.max(SHORTEST_PAUSE)),
            Some(self.expires_in()),
        );
        // The pauses are the server's, so the polling alone could end much later than the code.
        let answer = timeout(self.expires_in() + Duration::from_secs(5), polling).await;
        let expired = || refused(endpoint, "expired_token", None, &Redaction::default());
        let answer = answer.map_err(|_| tokens.unanswered().unwrap_or_else(expired))?;
        let answer = answer.map_err(|error| {
            let failure = tokens.explain(endpoint, error, |answer: &DeviceCodeErrorResponse| {
                (name(answer.error()), answer.error_description().cloned())
            });
            // If the latest poll got no answer, that is why the code expired.
            tokens.unanswered().unwrap_or(failure)
        })?;
        tokens.grant(&answer, None)
    }
}

/// Returns an error code as the server sent it.
fn name(code: &DeviceCodeErrorResponseType) -> String {
    code.as_ref().to_owned()
}

impl fmt::Debug for DeviceConsent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // The codes are secrets until they are used.
        f.debug_struct("DeviceConsent").field("request", &self.request).finish_non_exhaustive()
    }
}
