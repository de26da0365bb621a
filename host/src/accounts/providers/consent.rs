//! How the built-in providers ask their users for consent (OAuth 2).

use smtp_connector_smtp::InvalidSetting;
use smtp_connector_smtp::consent::{ConsentRequest, Endpoints, LoopbackHost};
use smtp_connector_smtp::settings::TokenUrl;

use super::preset::Preset;

/// A provider's authorization server, and the steps to register an application there.
///
/// ```
/// use smtp_connector_host::accounts::Preset;
///
/// let gmail = Preset::find("gmail").and_then(Preset::consent).expect("Google asks for consent");
/// let request = gmail.request("client-id")?;
/// assert_eq!(request.scope, "https://mail.google.com/");
/// # Ok::<(), smtp_connector_host::accounts::InvalidSetting>(())
/// ```
#[derive(Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct ConsentPreset {
    /// The company that asks for consent.
    pub title: &'static str,
    /// The URL of the authorization endpoint.
    pub authorization_url: &'static str,
    /// The URL of the token endpoint.
    pub token_url: &'static str,
    /// The URL of the device authorization endpoint, if the device flow can be used for mail.
    pub device_url: Option<&'static str>,
    /// The scope for sending over SMTP.
    pub scope: &'static str,
    /// The parameters without which the provider gives no refresh token.
    pub parameters: &'static [(&'static str, &'static str)],
    /// Whether a registered application has a client secret.
    pub has_client_secret: bool,
    /// The host in the redirect URI.
    pub redirect_host: LoopbackHost,
    /// The steps to register an application, which gives the client id.
    pub steps: &'static [&'static str],
}

const GOOGLE: ConsentPreset = ConsentPreset {
    title: "Google",
    authorization_url: "https://accounts.google.com/o/oauth2/v2/auth",
    token_url: "https://oauth2.googleapis.com/token",
    // Google has one, https://oauth2.googleapis.com/device/code, but does not allow the mail scope there.
    device_url: None,
    scope: "https://mail.google.com/",
    // `consent` makes Google give a refresh token every time, and not only the first time.
    parameters: &[("access_type", "offline"), ("prompt", "consent")],
    has_client_secret: true,
    redirect_host: LoopbackHost::Address,
    steps: &[
        "open https://console.cloud.google.com/auth/clients and create or choose a project",
        "enable the Gmail API, and add the scope https://mail.google.com/ under Data Access",
        "under Audience, add your address as a test user; consent to an app in testing ends after 7 days",
        "under Clients, create a client of the type Desktop app",
        "copy its client id and its client secret",
    ],
};

const MICROSOFT: ConsentPreset = ConsentPreset {
    title: "Microsoft",
    authorization_url: "https://login.microsoftonline.com/common/oauth2/v2.0/authorize",
    token_url: "https://login.microsoftonline.com/common/oauth2/v2.0/token",
    device_url: Some("https://login.microsoftonline.com/common/oauth2/v2.0/devicecode"),
    scope: "https://outlook.office.com/SMTP.Send offline_access",
    parameters: &[],
    has_client_secret: false,
    redirect_host: LoopbackHost::Localhost,
    steps: &[
        "open https://entra.microsoft.com, Identity, Applications, App registrations, New registration",
        "choose accounts in any organizational directory and personal Microsoft accounts",
        "add a redirect URI of the platform Mobile and desktop applications: http://localhost",
        "under Authentication, allow public client flows, for the device flow",
        "under API permissions, add Microsoft Graph, delegated, SMTP.Send and offline_access",
        "copy the application (client) id; there is no client secret",
    ],
};

impl Preset {
    /// Returns how the provider asks its users for consent, if it is known.
    pub fn consent(&self) -> Option<&'static ConsentPreset> {
        match self.id {
            "gmail" => Some(&GOOGLE),
            "microsoft365" | "outlook" => Some(&MICROSOFT),
            _ => None,
        }
    }
}

impl ConsentPreset {
    /// Finds a preset by the URL of its token endpoint.
    pub fn at_token_url(url: &str) -> Option<&'static Self> {
        [&GOOGLE, &MICROSOFT].into_iter().find(|preset| preset.token_url == url)
    }

    /// Returns the request for consent, for the client with this id.
    ///
    /// # Errors
    ///
    /// Returns an error if a URL of the preset is not valid. The tests check that they are.
    pub fn request(&self, client_id: impl Into<String>) -> Result<ConsentRequest, InvalidSetting> {
        let device = self.device_url.map(str::parse).transpose()?;
        let authorization = self.authorization_url.parse::<TokenUrl>()?;
        let endpoints =
            Endpoints::new(self.token_url.parse()?).authorization(authorization).device(device);
        let own = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
        Ok(ConsentRequest::new(endpoints, client_id)
            .scope(self.scope)
            .parameters(self.parameters.iter().map(own).collect()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::accounts::providers::preset::PRESETS;

    #[test]
    fn every_preset_gives_a_request_and_is_found_again() {
        let presets: Vec<_> = PRESETS.iter().filter_map(Preset::consent).collect();
        assert_eq!(presets.len(), 3);
        for preset in presets {
            let request = preset.request("id").expect(preset.title);
            assert_eq!(request.endpoints.device.is_some(), preset.device_url.is_some());
            request.at("http://127.0.0.1:1").expect("the authorization endpoint is known");
            assert_eq!(ConsentPreset::at_token_url(preset.token_url), Some(preset));
            assert!(preset.steps.len() > 3);
        }
        assert_eq!(ConsentPreset::at_token_url("https://login.example.com/token"), None);
    }
}
