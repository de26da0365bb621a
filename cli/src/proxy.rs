//! The proxy of `--proxy`.

use super::shared::ProxyArgument;
use super::stop::Stop;
use smtp_connector_host::ProxyNetwork;
use smtp_connector_host::accounts::Proxy;
use smtp_connector_smtp::network::NoProxy;

/// The proxy that the user chose.
#[derive(Clone)]
pub(crate) struct ChosenProxy {
    pub(crate) network: ProxyNetwork,
    /// The proxy, unless it comes from the environment.
    pub(crate) from_argument: Option<Proxy>,
}

/// The variables that `--proxy env` reads, in order.
const VARIABLES: [&str; 4] = ["ALL_PROXY", "all_proxy", "HTTPS_PROXY", "https_proxy"];

impl ChosenProxy {
    /// Reads the argument of `--proxy`. The value is never repeated, because it may contain a password.
    pub(crate) fn of(argument: &ProxyArgument) -> Result<Self, Stop> {
        let text = argument.expose();
        if text == "env" {
            return Self::of_environment();
        }
        let proxy = parse("--proxy", text)?;
        let network = ProxyNetwork::new(proxy.clone()).setting("--proxy");
        Ok(Self { network, from_argument: Some(proxy) })
    }

    fn of_environment() -> Result<Self, Stop> {
        let set = |name: &'static str| {
            let text = std::env::var(name).ok().filter(|text| !text.is_empty());
            text.map(|text| (name, text))
        };
        let Some((name, text)) = VARIABLES.into_iter().find_map(set) else {
            return Err(Stop::UsageWithHint(
                "--proxy env: neither ALL_PROXY nor HTTPS_PROXY is set".to_owned(),
                "set one of them, or remove --proxy".to_owned(),
            ));
        };
        // Other programs read a proxy without a scheme as an HTTP proxy.
        let text = match text.contains("://") {
            true => text,
            false => format!("http://{text}"),
        };
        let direct = ["NO_PROXY", "no_proxy"].into_iter().find_map(set);
        let direct = direct.map_or(NoProxy::default(), |(_, list)| NoProxy::from(list.as_str()));
        let network = ProxyNetwork::new(parse(name, &text)?).setting(name).except(direct);
        Ok(Self { network, from_argument: None })
    }
}

fn parse(setting: &str, text: &str) -> Result<Proxy, Stop> {
    text.parse().map_err(|invalid: smtp_connector_smtp::InvalidSetting| {
        let message = invalid.to_string();
        let why = message.trim_start_matches("proxy: ");
        Stop::UsageWithHint(
            format!("{setting}: {why}"),
            invalid.hint().unwrap_or("write --proxy socks5://HOST:PORT").to_owned(),
        )
    })
}
