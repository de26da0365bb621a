//! What `accounts authorize` asks for: from its options, the account, and the provider.

use clap::Args;

use super::super::stop::Stop;
use smtp_connector_host::Account;
use smtp_connector_host::accounts::{ConsentPreset, Preset};
use smtp_connector_host::consent::{ConsentRequest, Endpoints, NetworkClient};
use smtp_connector_smtp::secret::SecretSource;
use smtp_connector_smtp::settings::{AuthSecret, ConsentUrls, TokenRequest, TokenSource, TokenUrl};

/// The options for the client and the authorization server.
#[derive(Args, Debug, Default)]
pub(crate) struct Asked {
    /// Client id from the registration [default: the account's]
    #[arg(long, value_name = "ID")]
    client_id: Option<String>,

    /// Read the client secret from this environment variable at each use
    #[arg(long, value_name = "VAR")]
    client_secret_env: Option<String>,

    /// URL of the authorization server, whose metadata names its endpoints [default: the account's]
    #[arg(long, value_name = "URL", conflicts_with_all = ["auth_url", "token_url", "device_url"])]
    issuer: Option<String>,

    /// URL of the authorization endpoint [default: the provider's, or the account's]
    #[arg(long, value_name = "URL")]
    auth_url: Option<String>,

    /// URL of the token endpoint [default: the provider's, or the account's]
    #[arg(long, value_name = "URL")]
    token_url: Option<String>,

    /// URL of the device authorization endpoint [default: the provider's, or the account's]
    #[arg(long, value_name = "URL")]
    device_url: Option<String>,

    /// Scope of the token; repeat it for several [default: the provider's, or the account's]
    #[arg(long, value_name = "SCOPE")]
    scope: Vec<String>,
}

/// The knowledge about the authorization server before the options are read.
pub(crate) struct Provider {
    pub(crate) preset: Option<&'static ConsentPreset>,
    /// The request that the account makes today.
    today: Option<TokenRequest>,
    /// The URLs that an earlier consent left with the account.
    urls: ConsentUrls,
}

/// The application's registration with the provider.
pub(crate) struct Client {
    pub(crate) id: String,
    pub(crate) secret: Option<SecretSource>,
}

impl Provider {
    pub(crate) fn of(account: &Account) -> Self {
        let login = match account.credentials().map(|one| &one.secret) {
            Some(AuthSecret::OAuth2(login)) => Some(login),
            _ => None,
        };
        let today = match login.map(|login| &login.source) {
            Some(TokenSource::Endpoint(request)) => Some(request.clone()),
            _ => None,
        };
        let urls = login.map(|login| (*login.consent).clone()).unwrap_or_default();
        // Many accounts give only a host.
        let by_host = || Preset::for_host(account.host());
        let preset = account.provider().or_else(by_host).and_then(Preset::consent);
        let by_url = || ConsentPreset::at_token_url(today.as_ref()?.url.as_str());
        Self { preset: preset.or_else(by_url), today, urls }
    }

    /// Reports whether the device flow is refused: the provider has one, but not for mail.
    pub(crate) fn refuses_devices(&self, endpoints: &Endpoints) -> bool {
        endpoints.device.is_none() && self.preset.is_some()
    }
}

impl Asked {
    /// Reports whether an option was given.
    pub(crate) fn is_given(&self) -> bool {
        let Self { client_id, client_secret_env, issuer, auth_url, token_url, device_url, scope } =
            self;
        let texts = [client_id, client_secret_env, issuer, auth_url, token_url, device_url];
        texts.iter().any(|text| text.is_some()) || !scope.is_empty()
    }

    /// Reports whether an option names the client.
    pub(crate) fn has_client(&self) -> bool {
        self.client_id.is_some()
    }

    /// Returns the client of the options, or else the account's.
    pub(crate) fn client(&self, account: &Account, provider: &Provider) -> Result<Client, Stop> {
        let today = provider.today.as_ref();
        let id = self.client_id.clone().or_else(|| today.map(|one| one.client_id.clone()));
        let id = id.ok_or_else(|| needs_a_client(account, provider.preset))?;
        let secret = self.client_secret_env.clone().map(SecretSource::Env);
        let secret = secret.or_else(|| today.and_then(|one| one.client_secret.clone()));
        Ok(Client { id, secret })
    }

    /// Returns the request for the user's consent.
    pub(crate) async fn request(
        &self,
        client: Client,
        provider: &Provider,
        network: &NetworkClient,
    ) -> Result<ConsentRequest, Stop> {
        let Client { id, secret } = client;
        let preset = provider.preset.map(|preset| preset.request(&id)).transpose();
        let preset = preset.map_err(smtp_connector_host::Error::from)?;
        let urls = [&self.auth_url, &self.token_url, &self.device_url];
        let stored = provider.urls.issuer.as_ref().map(TokenUrl::as_str);
        let stored = stored.filter(|_| urls.iter().all(|url| url.is_none()));
        let endpoints = match self.issuer.as_deref().or(stored) {
            Some(issuer) => {
                let found = Endpoints::discover(issuer, network).await;
                found.map_err(|failure| Stop::Failed(failure.into()))?
            }
            None => self.endpoints(preset.as_ref(), provider)?,
        };
        let scope = match self.scope.is_empty() {
            false => self.scope.join(" "),
            true => {
                let today = provider.today.as_ref().filter(|one| one.url == endpoints.token);
                let today = today.and_then(|one| one.scope.clone());
                today.or_else(|| preset.as_ref().map(|one| one.scope.clone())).unwrap_or_default()
            }
        };
        let parameters = preset.map(|preset| preset.parameters).unwrap_or_default();
        Ok(ConsentRequest::new(endpoints, id)
            .client_secret(secret)
            .scope(scope)
            .parameters(parameters))
    }

    /// Returns the endpoints of the options, or else those of an earlier consent, or else the provider's.
    fn endpoints(
        &self,
        preset: Option<&ConsentRequest>,
        provider: &Provider,
    ) -> Result<Endpoints, Stop> {
        let Provider { today, urls, .. } = provider;
        let known = preset.map(|preset| &preset.endpoints);
        let given = |option: &str, url: &Option<String>| {
            url.as_deref().map(|url| url_of(option, url)).transpose()
        };
        let today = || today.as_ref().map(|today| today.url.clone());
        let is_stored = urls.authorization.is_some() || urls.device.is_some();
        let token = given("--token-url", &self.token_url)?
            .or_else(|| today().filter(|_| is_stored))
            .or_else(|| known.map(|known| known.token.clone()))
            .or_else(today);
        let Some(token) = token else {
            return Err(Stop::UsageWithHint(
                "the endpoints of this account's provider are not known".to_owned(),
                "add --issuer URL; or --auth-url URL and --token-url URL, from the provider's OAuth 2 documentation"
                    .to_owned(),
            ));
        };
        let authorization = given("--auth-url", &self.auth_url)?
            .or_else(|| urls.authorization.clone())
            .or_else(|| known.and_then(|known| known.authorization.clone()));
        let device = given("--device-url", &self.device_url)?
            .or_else(|| urls.device.clone())
            .or_else(|| known.and_then(|known| known.device.clone()));
        if authorization.is_none() && device.is_none() {
            return Err(Stop::UsageWithHint(
                "the account has a token endpoint, but asking for consent needs another one"
                    .to_owned(),
                "add --auth-url URL or --issuer URL; or --device-url URL, with --device".to_owned(),
            ));
        }
        Ok(Endpoints::new(token).authorization(authorization).device(device))
    }
}

fn url_of(option: &str, url: &str) -> Result<TokenUrl, Stop> {
    url.parse().map_err(|_| {
        let message = format!(
            "{option}: not a valid URL; use https, as in https://login.example.com/authorize"
        );
        Stop::Usage(message)
    })
}

/// Returns the error for a missing client id, with the steps to get one.
fn needs_a_client(account: &Account, preset: Option<&ConsentPreset>) -> Stop {
    let name = account.name();
    let secret = match preset.is_some_and(|preset| preset.has_client_secret) {
        true => ", and --client-secret-env with a variable that holds the client secret",
        false => "",
    };
    let message = format!("the account {name:?} needs a client id; add --client-id{secret}");
    let hint = match preset {
        Some(preset) => {
            let steps = preset.steps.iter().enumerate();
            let steps: Vec<_> = steps.map(|(at, step)| format!("({}) {step}", at + 1)).collect();
            format!("register an application with {}: {}", preset.title, steps.join("; "))
        }
        None => "register an application with the provider, with the redirect URI http://127.0.0.1"
            .to_owned(),
    };
    Stop::UsageWithHint(message, hint)
}
