//! The details of the steps that the opener takes, for a test.

use std::net::SocketAddr;

use crate::client::connection::Connection;
use crate::network::Reached;
use crate::replies::reply::RawReply;
use crate::settings::{AuthSecret, Credentials, OAuth2, ServerSettings, TokenSource};
use crate::steps::{CertificateFacts, StepDetails, Unreachable};

pub(super) fn secret(credentials: &Credentials) -> StepDetails {
    let source = match &credentials.secret {
        AuthSecret::Password(source)
        | AuthSecret::OAuth2(OAuth2 { source: TokenSource::Given(source), .. }) => {
            source.to_string()
        }
        AuthSecret::OAuth2(OAuth2 { source: TokenSource::Endpoint(request), .. }) => {
            format!("the token endpoint {}", request.url)
        }
    };
    StepDetails::Secret { source }
}

pub(super) fn resolve(addresses: Option<&[SocketAddr]>) -> StepDetails {
    let addresses = addresses.unwrap_or_default().iter().map(SocketAddr::ip).collect();
    StepDetails::Resolve { addresses }
}

pub(super) fn connect(server: &ServerSettings, reached: &Reached) -> StepDetails {
    let others = reached.others.each();
    let unreachable = others.map(|(address, reason)| Unreachable { address, reason }).collect();
    let proxy = server.proxy().map(ToString::to_string);
    StepDetails::Connect { address: reached.address, proxy, unreachable }
}

pub(super) fn greeting(connection: &Connection, reply: &RawReply) -> StepDetails {
    StepDetails::Greeting { text: connection.shown(reply).text.replace('\n', " ") }
}

pub(super) fn ehlo(connection: &Connection, reply: &RawReply) -> StepDetails {
    let text = connection.shown(reply).text;
    let mut lines = text.lines().map(str::trim).map(str::to_owned);
    StepDetails::Ehlo {
        name: lines.next().unwrap_or_default(),
        offers: lines.filter(|line| !line.is_empty()).collect(),
        encrypted: connection.stream.is_encrypted(),
    }
}

pub(super) fn tls(connection: &Connection) -> StepDetails {
    let stream = &connection.stream;
    let session = stream.tls_session();
    let cipher = session.and_then(|session| session.negotiated_cipher_suite()?.suite().as_str());
    let certificate = session
        .and_then(|session| session.peer_certificates()?.first())
        .and_then(|encoded| CertificateFacts::read(encoded, |text| connection.clean(text)));
    StepDetails::Tls {
        version: stream.tls_version().unwrap_or_default(),
        cipher: cipher.unwrap_or_default().to_owned(),
        certificate,
    }
}

pub(super) fn login(credentials: &Credentials, mechanism: &'static str) -> StepDetails {
    StepDetails::Login { username: credentials.username.clone(), mechanism }
}
