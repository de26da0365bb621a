//! Asks for an account's settings at the terminal, field by field, and tests them.

use std::fmt::Display;
use std::str::FromStr;
use std::sync::{Arc, LazyLock};

use dialoguer::theme::ColorfulTheme;
use dialoguer::{Confirm, Input, Password, Select};

use super::super::context::Context;
use super::super::output::tell;
use super::super::stop::Stop;
use super::super::text;
use super::settings::Settings;
use super::test::line;
use smtp_connector_host::accounts::{Account, AccountBuilder, AccountName, HostName, Preset};
use smtp_connector_smtp::ForwardPath;
use smtp_connector_smtp::secret::{Secret, SecretSource};
use smtp_connector_smtp::settings::Security;

/// The look of the questions.
static THEME: LazyLock<ColorfulTheme> = LazyLock::new(ColorfulTheme::default);

/// The decision about an account that fails its test.
enum AfterFailure {
    Change,
    Save,
    Cancel,
}

/// Asks for everything that the options leave open, and tests the account. Returns `None` if the user cancels.
pub(super) async fn account(
    context: &Context<'_>,
    name: Option<&str>,
    settings: &Settings,
    taken: &[String],
) -> Result<Option<Account>, Stop> {
    let proxy = context.proxy_to_save()?;
    let mut name = name.map(str::to_owned);
    loop {
        let address = ask_address(settings)?;
        let builder = ask_server(&address, settings)?;
        let builder = settings.apply(builder).proxy(proxy.clone());
        let builder = ask_login(builder, &address, settings)?;
        let builder = match &settings.from {
            Some(_) => builder,
            None => builder.sender(input("Sender of your mails", Some(address.to_string()))?),
        };
        let chosen = ask_name(name.as_deref(), &address, taken)?;
        let built = builder.name(&chosen).build();
        name = Some(chosen);
        let account = match built {
            Ok(account) => account,
            Err(error) => {
                text::error(&error).iter().for_each(tell);
                match Confirm::with_theme(&*THEME).with_prompt("Change the settings").interact() {
                    Ok(true) => continue,
                    Ok(false) => return Ok(None),
                    Err(reason) => return Err(cannot_ask(&reason)),
                }
            }
        };
        if is_tested(context, &account).await {
            return Ok(Some(account));
        }
        match after_failure()? {
            AfterFailure::Change => {}
            AfterFailure::Save => return Ok(Some(account)),
            AfterFailure::Cancel => return Ok(None),
        }
    }
}

fn ask_address(settings: &Settings) -> Result<ForwardPath, Stop> {
    let known = settings.from.as_ref().or(settings.username.as_ref());
    let known = known.and_then(|text| text.parse::<ForwardPath>().ok());
    match known {
        Some(address) => Ok(address),
        None => parsed("Your email address", None),
    }
}

/// Asks for the provider, or for the server if it is none of them.
fn ask_server(address: &ForwardPath, settings: &Settings) -> Result<AccountBuilder, Stop> {
    if let Some(preset) = settings.preset()? {
        return Ok(Account::with_provider("", preset));
    }
    if settings.host.is_some() {
        return Ok(Account::builder("", ""));
    }
    let known = Preset::for_address(address);
    if let Some(preset) = known
        && confirm(&format!("Use {} ({}, port {})", preset.title, preset.host, preset.port))?
    {
        return Ok(Account::with_provider("", preset));
    }
    let mut titles = vec!["Another server"];
    titles.extend(Preset::all().iter().map(|preset| preset.title));
    match select("Provider", &titles)? {
        0 => ask_host(address),
        number => Ok(Account::with_provider("", &Preset::all()[number - 1])),
    }
}

fn ask_host(address: &ForwardPath) -> Result<AccountBuilder, Stop> {
    let usual = format!("smtp.{}", address.domain());
    let host: HostName = parsed("Host name of the server", Some(&usual))?;
    let port: u16 = parsed("Port (587: STARTTLS, 465: TLS)", Some("587"))?;
    let mut builder = Account::builder("", host.to_string()).port(port);
    if !matches!(port, 465 | 587) {
        let choices = ["STARTTLS", "TLS from the first byte", "no encryption"];
        let securities = [Security::Starttls, Security::Tls, Security::None];
        builder = builder.security(securities[select("Encryption", &choices)?]);
    }
    Ok(builder)
}

fn ask_login(
    builder: AccountBuilder,
    address: &ForwardPath,
    settings: &Settings,
) -> Result<AccountBuilder, Stop> {
    let username = match &settings.username {
        Some(username) => username.clone(),
        None => {
            tell("Type - as the username if the server needs no login.");
            input("Username", Some(address.to_string()))?
        }
    };
    if username == "-" {
        return Ok(builder);
    }
    if let Ok(probe) =
        builder.clone().name("probe").credentials(&username, Secret::new("?")).build()
        && let Some(preset) = probe.provider()
    {
        tell(format_args!("{}: {}", preset.title, preset.hint));
    }
    if settings.password.is_given() {
        return Ok(builder.credentials(username, settings.password.source()?));
    }
    Ok(builder.credentials(username, ask_secret()?))
}

fn ask_secret() -> Result<SecretSource, Stop> {
    let places = [
        "in accounts.toml, which only you can read",
        "in an environment variable",
        "in a file",
        "in the output of a command, such as a password manager's",
    ];
    Ok(match select("Place of the password", &places)? {
        1 => SecretSource::Env(input("Name of the environment variable", None)?),
        2 => SecretSource::File(input("Path of the file", None)?.into()),
        3 => {
            let command = input("Command, such as pass show mail", None)?;
            SecretSource::Command(command.split_whitespace().map(str::to_owned).collect())
        }
        _ => {
            let password = Password::with_theme(&*THEME).with_prompt("Password").interact();
            Secret::new(password.map_err(|reason| cannot_ask(&reason))?).into()
        }
    })
}

fn ask_name(name: Option<&str>, address: &ForwardPath, taken: &[String]) -> Result<String, Stop> {
    let is_free = |name: &str| !taken.iter().any(|known| known == name);
    if let Some(name) = name.filter(|name| is_free(name)) {
        return Ok(name.to_owned());
    }
    let first = address.domain().as_str().split('.').next().unwrap_or("work").to_owned();
    let name: String = Input::with_theme(&*THEME)
        .with_prompt("Name of the account")
        .default(first)
        .validate_with(|name: &String| match name.parse::<AccountName>() {
            Err(error) => Err(error.to_string()),
            Ok(_) if !is_free(name) => Err(format!("there is an account {name:?} already")),
            Ok(_) => Ok(()),
        })
        .interact_text()
        .map_err(|reason| cannot_ask(&reason))?;
    Ok(name)
}

/// Logs in with the account, and reports what goes wrong.
async fn is_tested(context: &Context<'_>, account: &Account) -> bool {
    tell(format_args!("Testing {}:{} ...", account.host(), account.port()));
    let routed = context.routed(Arc::new(account.clone()));
    let mut steps = context.transport().test_steps(routed.server());
    let mut trouble = None;
    while let Some(step) = steps.next().await {
        let took = text::duration(step.took);
        if let Some(line) =
            step.outcome.as_ref().ok().and_then(|details| line::of_success(account, details))
        {
            tell(format_args!("  {took:>8}  {line}"));
        }
        trouble = step.outcome.err();
    }
    match trouble {
        None => {
            tell("The server accepts the account.");
            true
        }
        Some(failure) => {
            text::error(&failure.into()).iter().for_each(tell);
            false
        }
    }
}

fn after_failure() -> Result<AfterFailure, Stop> {
    let choices = ["Change the settings", "Save the account anyway", "Cancel"];
    Ok(match select("The test failed", &choices)? {
        0 => AfterFailure::Change,
        1 => AfterFailure::Save,
        _ => AfterFailure::Cancel,
    })
}

/// Asks until the answer is valid.
fn parsed<T>(prompt: &str, default: Option<&str>) -> Result<T, Stop>
where
    T: FromStr,
    T::Err: Display,
{
    loop {
        match input(prompt, default.map(str::to_owned))?.parse() {
            Ok(value) => return Ok(value),
            Err(reason) => tell(format_args!("not valid: {reason}")),
        }
    }
}

fn input(prompt: &str, default: Option<String>) -> Result<String, Stop> {
    let mut question = Input::<String>::with_theme(&*THEME).with_prompt(prompt);
    if let Some(default) = default {
        question = question.default(default);
    }
    let answer = question.interact_text().map_err(|reason| cannot_ask(&reason))?;
    Ok(answer.trim().to_owned())
}

fn confirm(prompt: &str) -> Result<bool, Stop> {
    let question = Confirm::with_theme(&*THEME).with_prompt(prompt).default(true);
    question.interact().map_err(|reason| cannot_ask(&reason))
}

fn select(prompt: &str, choices: &[&str]) -> Result<usize, Stop> {
    let question = Select::with_theme(&*THEME).with_prompt(prompt).items(choices).default(0);
    question.interact().map_err(|reason| cannot_ask(&reason))
}

fn cannot_ask(reason: &dialoguer::Error) -> Stop {
    Stop::Usage(format!("could not ask at the terminal: {reason}; nothing was saved"))
}
