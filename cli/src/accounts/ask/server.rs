//! Asks for the server: a built-in provider, or a host with its port and encryption.

use super::answers::{Answers, Server};
use super::questions::{confirm, parsed, select};
use crate::stop::Stop;
use smtp_connector_host::accounts::{HostName, Preset};
use smtp_connector_smtp::ForwardPath;
use smtp_connector_smtp::settings::Security;

/// The choices of encryption, with their names for the user.
const ENCRYPTION: [(&str, Security); 4] = [
    ("STARTTLS", Security::Starttls),
    ("TLS from the first byte", Security::Tls),
    ("no encryption", Security::None),
    ("STARTTLS if the server offers it", Security::StarttlsOptional),
];

/// Asks for the server. `address` recognises the provider, and gives a host name to start from.
pub(super) fn ask(answers: &Answers, address: Option<&ForwardPath>) -> Result<Server, Stop> {
    let before = answers.server.as_ref();
    if let Some(preset) = address.and_then(Preset::for_address) {
        let question = format!("Use {} ({}, port {})", preset.title, preset.host, preset.port);
        let is_usual = before.is_none_or(|server| *server == Server::Provider(preset));
        if confirm(&question, is_usual)? {
            return Ok(Server::Provider(preset));
        }
    }
    let presets = Preset::all();
    let mut titles = vec!["Another server"];
    titles.extend(presets.iter().map(|preset| preset.title));
    let default = match before {
        Some(Server::Provider(before)) => presets.iter().position(|preset| preset == *before),
        _ => None,
    };
    match select("Provider", &titles, default.map_or(0, |place| place + 1))? {
        0 => host(before, address),
        number => Ok(Server::Provider(&presets[number - 1])),
    }
}

fn host(before: Option<&Server>, address: Option<&ForwardPath>) -> Result<Server, Stop> {
    let before = match before {
        Some(Server::Other { host, port, security }) => Some((host, *port, *security)),
        _ => None,
    };
    let usual = match before {
        Some((host, ..)) => Some(host.to_string()),
        None => address.map(|address| format!("smtp.{}", address.domain())),
    };
    let host: HostName = parsed("Host name of the server", usual.as_deref())?;
    let port = before.map_or(587, |(_, port, _)| port).to_string();
    let port: u16 = parsed("Port (587: STARTTLS, 465: TLS)", Some(&port))?;
    // An unusual encryption of this port stays in sight.
    let security = before.filter(|(_, before, _)| *before == port).map(|(.., security)| security);
    let usual = match port {
        465 => Some(Security::Tls),
        587 => Some(Security::Starttls),
        _ => None,
    };
    let security = match usual {
        Some(usual) if security.is_none_or(|security| security == usual) => usual,
        _ => {
            let is_before = |(_, one): &(&str, Security)| Some(*one) == security;
            let default = ENCRYPTION.iter().position(is_before).unwrap_or(0);
            let names = ENCRYPTION.map(|(name, _)| name);
            ENCRYPTION[select("Encryption", &names, default)?].1
        }
    };
    Ok(Server::Other { host, port, security })
}
