//! Where the database is, from its URL. No error shows any part of the URL that may belong to the password.

use std::net::IpAddr;
use std::path::PathBuf;
use std::time::Duration;

use smtp_connector_smtp::network::{RootsError, client_config};
use tokio_postgres::Config;
use tokio_postgres::config::{Host, SslMode, TargetSessionAttrs};
use tokio_postgres_rustls::MakeRustlsConnect;

use crate::error::{Error, ErrorKind, Result};

/// A parsed URL.
#[derive(Clone)]
pub(super) struct Address {
    pub(super) config: Config,
    pub(super) tls: MakeRustlsConnect,
    /// The server and the database, for errors.
    pub(super) place: String,
}

/// How long one address of the server may take to accept a connection.
const CONNECT: Duration = Duration::from_secs(5);
/// How long the system waits for a server that does not acknowledge data, and how often it checks an idle connection.
const SILENCE: Duration = Duration::from_secs(20);

impl Address {
    /// Parses a URL. `password` is used if the URL has none: libpq takes it from PGPASSWORD.
    pub(super) fn parse(url: &str, password: Option<&str>) -> Result<Self> {
        if !url.starts_with("postgres://") && !url.starts_with("postgresql://") {
            return Err(invalid("it does not begin with postgres://"));
        }
        if url.matches('@').count() > 1 {
            return Err(invalid("it has more than one @"));
        }
        let (url, own) = take_parameters(url)?;
        // The parser's error could quote a part of the password.
        let mut config: Config = url.parse().map_err(|_| invalid("a part of it is malformed"))?;
        if config.get_hosts().is_empty() && config.get_hostaddrs().is_empty() {
            return Err(invalid("it has no host"));
        }
        if config.get_user().is_none() {
            return Err(invalid("it has no user"));
        }
        match own.tls_mode.as_deref() {
            // Each certificate is checked, so these are the same.
            Some("require" | "verify-ca" | "verify-full") => config.ssl_mode(SslMode::Require),
            Some("prefer") => config.ssl_mode(SslMode::Prefer),
            Some("disable") => config.ssl_mode(SslMode::Disable),
            Some(_) => {
                return Err(invalid("its sslmode is not disable, prefer, require or verify-full"));
            }
            // A password does not cross a network without encryption, unless the URL says so. On the machine itself, the
            // certificate would rarely be valid.
            None if is_local(&config) => config.ssl_mode(SslMode::Disable),
            None => config.ssl_mode(SslMode::Require),
        };
        if let (None, Some(password)) = (config.get_password(), password) {
            config.password(password);
        }
        if config.get_application_name().is_none() {
            config.application_name("smtp-connector");
        }
        if config.get_connect_timeout().is_none() {
            config.connect_timeout(CONNECT);
        }
        if config.get_tcp_user_timeout().is_none() {
            config.tcp_user_timeout(SILENCE).keepalives_idle(SILENCE);
        }
        if config.get_target_session_attrs() == TargetSessionAttrs::Any {
            // After a failover, the old server may still answer.
            config.target_session_attrs(TargetSessionAttrs::ReadWrite);
        }
        let place = place(&config);
        let tls = match config.get_ssl_mode() {
            SslMode::Disable => None,
            _ => own.authorities.as_deref(),
        };
        let tls = client_config(tls).map_err(|reason| no_roots(&reason))?;
        Ok(Self { config, tls: MakeRustlsConnect::new(tls), place })
    }
}

/// The parameters that the driver does not know.
#[derive(Default)]
struct Own {
    tls_mode: Option<String>,
    authorities: Option<PathBuf>,
}

/// Takes the parameters out of a URL that the driver does not know.
fn take_parameters(url: &str) -> Result<(String, Own)> {
    let mut own = Own::default();
    // A password may contain a question mark, but not an @.
    let credentials = url.find('@').unwrap_or(0);
    let Some(begin) = url[credentials..].find('?').map(|at| credentials + at) else {
        return Ok((url.to_owned(), own));
    };
    let mut kept = Vec::new();
    for parameter in url[begin + 1..].split('&') {
        match parameter.split_once('=') {
            Some(("sslmode", mode)) => own.tls_mode = Some(mode.to_owned()),
            Some(("sslrootcert", "system")) => {}
            Some(("sslrootcert", path)) => own.authorities = Some(decoded(path)?.into()),
            _ => kept.push(parameter),
        }
    }
    Ok((format!("{}?{}", &url[..begin], kept.join("&")), own))
}

/// Decodes a parameter in percent-encoding.
fn decoded(text: &str) -> Result<String> {
    let malformed = || invalid("its sslrootcert is malformed");
    let mut bytes = Vec::new();
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        if byte != b'%' {
            bytes.push(byte);
            continue;
        }
        let mut digit = || rest.next().and_then(|digit| char::from(digit).to_digit(16));
        let (high, low) = (digit().ok_or_else(malformed)?, digit().ok_or_else(malformed)?);
        bytes.push((high * 16 + low) as u8);
    }
    String::from_utf8(bytes).map_err(|_| malformed())
}

/// Reports whether the server is on this machine.
fn is_local(config: &Config) -> bool {
    let is_local_host = |host: &Host| match host {
        Host::Tcp(name) => {
            name == "localhost" || name.parse::<IpAddr>().is_ok_and(|ip| ip.is_loopback())
        }
        #[cfg(unix)]
        Host::Unix(_) => true,
    };
    match config.get_hostaddrs() {
        [] => config.get_hosts().iter().all(is_local_host),
        addresses => addresses.iter().all(IpAddr::is_loopback),
    }
}

/// Returns the name of the server and the database.
fn place(config: &Config) -> String {
    let port = |index: usize| {
        let ports = config.get_ports();
        ports.get(index).or(ports.first()).copied().unwrap_or(5432)
    };
    let host = |(index, host): (usize, &Host)| match host {
        Host::Tcp(name) => format!("{name}:{}", port(index)),
        #[cfg(unix)]
        Host::Unix(path) => path.display().to_string(),
    };
    let hosts: Vec<_> = match config.get_hosts() {
        [] => config.get_hostaddrs().iter().map(ToString::to_string).collect(),
        hosts => hosts.iter().enumerate().map(host).collect(),
    };
    // PostgreSQL names the database like the user if the URL names none.
    let database = config.get_dbname().or(config.get_user()).unwrap_or_default();
    format!("{database} on {}", hosts.join(", "))
}

fn invalid(why: &str) -> Error {
    Error::new(ErrorKind::Invalid, format!("the URL of the PostgreSQL database is not valid: {why}")).hint_of(
        "write postgres://USER:PASSWORD@HOST:5432/DATABASE, with special characters of the password in percent-encoding",
    )
}

fn no_roots(reason: &RootsError) -> Error {
    let (message, hint) = match reason {
        RootsError::File(reason) => (
            format!("the certificate authorities of sslrootcert cannot be used: {reason}"),
            "name a PEM file that only trusted users can change",
        ),
        RootsError::System => (
            "the system's certificate authorities cannot be read".to_owned(),
            "install them (ca-certificates), or name a PEM file with sslrootcert=PATH in the URL",
        ),
    };
    Error::new(ErrorKind::Forbidden, message).hint_of(hint)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(url: &str) -> Address {
        Address::parse(url, None).expect(url)
    }

    #[test]
    fn a_network_needs_encryption_unless_the_url_says_otherwise() {
        for (url, mode) in [
            ("postgres://u@db.example.com/mail", SslMode::Require),
            ("postgres://u@db.example.com/mail?sslmode=verify-full", SslMode::Require),
            ("postgres://u@db.example.com/mail?sslmode=prefer", SslMode::Prefer),
            (
                "postgres://u@db.example.com/mail?sslmode=disable&application_name=x",
                SslMode::Disable,
            ),
            ("postgres://u@localhost,db.example.com/mail", SslMode::Require),
            ("postgres://u@localhost/mail", SslMode::Disable),
            ("postgres://u@[::1]/mail", SslMode::Disable),
            ("postgres:///mail?host=/run/postgresql&user=u", SslMode::Disable),
            ("postgres://u@127.0.0.1/mail?sslmode=require", SslMode::Require),
        ] {
            assert_eq!(parse(url).config.get_ssl_mode(), mode, "{url}");
        }
    }

    #[test]
    fn errors_show_nothing_of_the_password() {
        for url in [
            "postgres://u:sec@ret@db.example.com/mail",
            "postgres://u:secret@db.example.com:port/mail",
            "postgres://u:secret@db.example.com/mail?secret=1",
            "postgres://u:secret@db.example.com/mail?sslmode=secret",
            "postgres://u:secret@/mail",
            "host=db.example.com password=secret",
        ] {
            let error = Address::parse(url, None).err().expect(url);
            assert_eq!(error.kind(), ErrorKind::Invalid);
            assert!(!format!("{error:?}").contains("ret"), "{error:?}");
        }
    }

    #[test]
    fn the_password_comes_from_the_url_or_the_environment() {
        let of = |url: &str| {
            let address = Address::parse(url, Some("env")).expect(url);
            address.config.get_password().map(<[u8]>::to_vec)
        };
        assert_eq!(of("postgres://u@localhost/mail"), Some(b"env".to_vec()));
        assert_eq!(
            of("postgres://u:a%40b?@localhost/mail?sslmode=disable"),
            Some(b"a@b?".to_vec())
        );
    }

    #[test]
    fn a_place_has_no_secret() {
        let place = |url| parse(url).place;
        assert_eq!(place("postgres://u:secret@db.example.com/mail"), "mail on db.example.com:5432");
        assert_eq!(place("postgres://u:secret@a.test:1,b.test:2/"), "u on a.test:1, b.test:2");
        let error = Address::parse("postgres://u@db.example.com/?sslrootcert=%2Fmissing", None);
        assert!(error.err().expect("no such file").to_string().contains("/missing"));
    }
}
