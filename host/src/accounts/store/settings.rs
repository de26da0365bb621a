//! Reads an account's table in a settings file.

use std::ops::Range;
use std::path::Path;
use std::time::Duration;

use toml_edit::TableLike;

use super::oauth2_settings::read_oauth2;
use super::proxy_setting::read_proxy;
use super::secret_setting::{file_beside, read_secret};
use super::settings_table::{Mistake, Table};
use crate::accounts::Account;
use crate::accounts::builder::AccountBuilder;
use crate::accounts::providers::Preset;
use crate::accounts::rules::{AccountLimits, Policy, WarmUp};
use smtp_connector_smtp::InvalidSetting;
use smtp_connector_smtp::settings::Timeouts;
use smtp_connector_smtp::settings::{Auth, ClientCertificate, Security, TlsSettings, TlsVersion};

type Result<T> = std::result::Result<T, Mistake>;

/// The keys of an account's table.
const KEYS: &[&str] = &[
    "provider",
    "host",
    "port",
    "security",
    "username",
    "password",
    "auth",
    "oauth2",
    "from",
    "replyTo",
    "ehloName",
    "pipelining",
    "proxy",
    "tls",
    "timeouts",
    "limits",
    "policy",
];

/// Reads one account. Relative paths start from `directory`, the folder of the settings file.
pub(super) fn read_account(
    name: &str,
    table: &dyn TableLike,
    span: Option<Range<usize>>,
    directory: &Path,
) -> Result<Account> {
    let table = Table::of_account(name, table, span);
    table.check_keys(KEYS)?;
    let mut builder = AccountBuilder::empty(name.to_owned());
    if let Some(id) = table.text("provider")? {
        let preset =
            Preset::find(&id).ok_or_else(|| table.mistake("provider", Preset::unknown(&id)))?;
        builder = builder.provider(preset);
    }
    if let Some(host) = table.text("host")? {
        builder = builder.host(host);
    }
    if let Some(port) = table.number("port", 1.0, 65_535.0)? {
        // `number` checks that it is whole and within the range of a port.
        builder = builder.port(port as u16);
    }
    if let Some(security) = table.choice("security", Security::NAMES)? {
        builder = builder.security(security);
    }
    if let Some(auth) = table.choice("auth", Auth::NAMES)? {
        builder = builder.auth(auth);
    }
    builder = read_credentials(builder, &table, directory)?;
    if let Some(sender) = table.text("from")? {
        builder = builder.sender(sender);
    }
    if let Some(reply_to) = table.text("replyTo")? {
        builder = builder.reply_to(reply_to);
    }
    if let Some(name) = table.text("ehloName")? {
        builder = builder.ehlo_name(name);
    }
    if let Some(pipelining) = table.flag("pipelining")? {
        builder = builder.pipelining(pipelining);
    }
    builder = builder.proxy(read_proxy(&table, directory)?);
    builder = read_tls(builder, &table, directory)?;
    builder = read_timeouts(builder, &table)?;
    builder = read_limits(builder, &table)?;
    builder = read_policy(builder, &table)?;
    builder.build().map_err(|error| table.whole(&error))
}

fn read_credentials(
    builder: AccountBuilder,
    table: &Table<'_>,
    directory: &Path,
) -> Result<AccountBuilder> {
    let password = read_secret(table, "password", directory)?;
    let oauth2 = read_oauth2(table, directory)?;
    match (table.text("username")?, password, oauth2) {
        (_, Some(_), Some(_)) => {
            Err(table.mistake("oauth2", "the account has a password too; remove one of them"))
        }
        (Some(username), Some(password), None) => Ok(builder.credentials(username, password)),
        (Some(username), None, Some(oauth2)) => Ok(builder.oauth2(username, oauth2)),
        (Some(_), None, None) => {
            Err(table.mistake("username", "a password is needed too: password = { env = \"...\" }"))
        }
        (None, Some(_), None) => Err(table.mistake("password", "a username is needed too")),
        (None, None, Some(_)) => Err(table.mistake("oauth2", "a username is needed too")),
        (None, None, None) => Ok(builder),
    }
}

fn read_tls(
    mut builder: AccountBuilder,
    table: &Table<'_>,
    directory: &Path,
) -> Result<AccountBuilder> {
    let Some(inner) = table.inner("tls", TLS_KEYS)? else { return Ok(builder) };
    let mut tls = TlsSettings::default();
    if let Some(name) = inner.text("serverName")? {
        let name =
            name.parse().map_err(|reason| inner.mistake("serverName", format!("{reason}")))?;
        tls.server_name = Some(name);
    }
    let path = |key| inner.text(key).map(|path| path.map(|path| file_beside(directory, &path)));
    tls.ca = path("ca")?;
    tls.client_certificate = match (path("clientCert")?, path("clientKey")?) {
        (Some(certificate), Some(key)) => Some(ClientCertificate { certificate, key }),
        (None, None) => None,
        (Some(_), None) => return Err(inner.mistake("clientCert", "clientKey is needed too")),
        (None, Some(_)) => return Err(inner.mistake("clientKey", "clientCert is needed too")),
    };
    if let Some(version) = inner.choice("minVersion", TlsVersion::NAMES)? {
        tls.min_version = version;
    }
    if let Some(text) = inner.text("pinSha256")? {
        let pin = text.parse();
        let pin =
            pin.map_err(|error: InvalidSetting| inner.mistake("pinSha256", error.to_string()));
        tls.pin = Some(pin?);
    }
    tls.danger_accept_invalid_certificates = inner.flag("allowInvalidCert")?.unwrap_or(false);
    tls.require_tls = inner.flag("requireTls")?.unwrap_or(false);
    builder = builder.tls(tls);
    Ok(builder)
}

const TLS_KEYS: &[&str] = &[
    "serverName",
    "ca",
    "clientCert",
    "clientKey",
    "minVersion",
    "pinSha256",
    "allowInvalidCert",
    "requireTls",
];

fn read_timeouts(builder: AccountBuilder, table: &Table<'_>) -> Result<AccountBuilder> {
    let keys = ["connect", "greeting", "command", "data", "finalReply", "total"];
    let Some(inner) = table.inner("timeouts", &keys)? else { return Ok(builder) };
    let mut timeouts = Timeouts::default();
    let fields = [
        &mut timeouts.connect,
        &mut timeouts.greeting,
        &mut timeouts.command,
        &mut timeouts.data,
        &mut timeouts.final_reply,
        &mut timeouts.total,
    ];
    for (key, field) in keys.into_iter().zip(fields) {
        // No server waits longer than a day, and a day cannot overflow a clock.
        if let Some(seconds) = inner.number_or_fraction(key, 0.001, 86_400.0)? {
            *field = Duration::from_secs_f64(seconds);
        }
    }
    Ok(builder.timeouts(timeouts))
}

fn read_limits(builder: AccountBuilder, table: &Table<'_>) -> Result<AccountBuilder> {
    let keys = [
        "messageBytes",
        "attachments",
        "recipients",
        "connections",
        "messagesPerConnection",
        "messagesPerMinute",
        "concurrentRuns",
        "messagesPerDay",
        "warmUp",
    ];
    let Some(inner) = table.inner("limits", &keys)? else { return Ok(builder) };
    let mut limits = AccountLimits::default();
    // `number` checks that they are whole and within the ranges of their types.
    if let Some(bytes) = inner.number("messageBytes", 1.0, 1e12)? {
        limits.message_bytes = bytes as u64;
    }
    if let Some(number) = inner.number("attachments", 0.0, 10_000.0)? {
        limits.attachments = number as u32;
    }
    if let Some(number) = inner.number("recipients", 1.0, 100_000.0)? {
        limits.recipients = number as u32;
    }
    if let Some(number) = inner.number("connections", 1.0, 1000.0)? {
        limits.connections = number as u32;
    }
    if let Some(number) = inner.number("messagesPerConnection", 1.0, 1e6)? {
        limits.messages_per_connection = number as u32;
    }
    limits.messages_per_minute =
        inner.number("messagesPerMinute", 1.0, 100_000.0)?.map(|number| number as u32);
    limits.concurrent_runs =
        inner.number("concurrentRuns", 1.0, 100_000.0)?.map(|number| number as u32);
    limits.messages_per_day = inner.number("messagesPerDay", 1.0, 1e9)?.map(|number| number as u32);
    for step in inner.tables("warmUp", &["days", "messagesPerDay"])? {
        let days = step.required("days", 1.0, 1000.0)?;
        let messages = step.required("messagesPerDay", 1.0, 1e9)?;
        limits.warm_up.push(WarmUp::new(days as u32, messages as u32));
    }
    Ok(builder.limits(limits))
}

fn read_policy(builder: AccountBuilder, table: &Table<'_>) -> Result<AccountBuilder> {
    let keys = [
        "allowedSenders",
        "allowedRecipientDomains",
        "redirectAllTo",
        "attachmentUrls",
        "attachmentUrlHosts",
        "expiryReports",
    ];
    let Some(inner) = table.inner("policy", &keys)? else { return Ok(builder) };
    let redirect = inner.text("redirectAllTo")?.map(|text| inner.parse("redirectAllTo", &text));
    let reports = inner.text("expiryReports")?.map(|text| inner.parse("expiryReports", &text));
    Ok(builder.policy(Policy {
        allowed_senders: inner.parse_all("allowedSenders")?,
        allowed_recipient_domains: inner.parse_all("allowedRecipientDomains")?,
        redirect_all_to: redirect.transpose()?,
        attachment_urls: inner.flag("attachmentUrls")?.unwrap_or(true),
        attachment_url_hosts: inner.parse_all("attachmentUrlHosts")?,
        expiry_reports: reports.transpose()?,
    }))
}
