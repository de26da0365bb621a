//! Asks for consent with OAuth 2 in the middle of the questions, as `accounts authorize` does.

use super::super::consent::{Client, Provider};
use super::super::flow::Flow;
use super::answers::{Answers, Login, Server};
use super::questions::{NONE, input};
use super::secret::place_of;
use super::{Form, stoppable};
use crate::output::{tell, tell_error};
use crate::stop::Stop;
use smtp_connector_host::accounts::{Account, ConsentPreset, OAuth2, Secret};
use smtp_connector_host::consent::Grant;

/// Asks for consent, and keeps it in the answers. Returns whether it was given. Nothing is stored yet.
pub(super) async fn agree(
    form: &Form<'_>,
    answers: &mut Answers,
    is_device: bool,
) -> Result<bool, Stop> {
    match given(form, answers, is_device).await {
        Ok(Some((grant, company))) => {
            answers.login = Login::Consent(Box::new(grant), company);
            tell("You have given your consent.");
            Ok(true)
        }
        Ok(None) => Ok(false),
        Err(stop) => report(stop).map(|()| false),
    }
}

async fn given(
    form: &Form<'_>,
    answers: &mut Answers,
    is_device: bool,
) -> Result<Option<(Grant, Option<&'static str>)>, Stop> {
    let username = answers.username.clone().unwrap_or_default();
    // The provider depends on the server only. Its token is not known yet.
    let account = answers.builder(form.base, form.settings).name("new");
    let account = account.oauth2(&username, OAuth2::token(Secret::new("?"))).build()?;
    // An earlier consent counts only at the same server.
    let is_same = |base: &&Account| Some(Server::of(base)) == answers.server;
    let provider = Provider::of(form.base.filter(is_same).unwrap_or(&account));
    let Some(client) = client(form, answers, &account, &provider)? else { return Ok(None) };
    let network = form.context.authorization_client(&account);
    let request = form.asked.request(client, &provider, &network).await?;
    let request = request.login_hint(username);
    let flow = Flow::with_device(is_device);
    let asking = flow.ask(form.context, &request, &provider, &network);
    let Some(asked) = stoppable(asking).await else {
        tell("stopped: nothing was stored");
        return Ok(None);
    };
    Ok(Some((asked?, provider.preset.map(|preset| preset.title))))
}

/// Returns the client of the options, or asks for it. Returns `None` if the user has none.
fn client(
    form: &Form<'_>,
    answers: &mut Answers,
    account: &Account,
    provider: &Provider,
) -> Result<Option<Client>, Stop> {
    if form.asked.has_client() {
        return form.asked.client(account, provider).map(Some);
    }
    explain(provider.preset);
    let prompt = format!("Client id ({NONE} for another login)");
    let id = input(&prompt, answers.client_id.clone())?;
    if id == NONE {
        return Ok(None);
    }
    answers.client_id = Some(id.clone());
    let has_secret = provider.preset.is_none_or(|preset| preset.has_client_secret);
    let secret = match has_secret {
        true => Some(place_of("client secret", answers.client_secret.as_ref())?),
        false => None,
    };
    answers.client_secret.clone_from(&secret);
    Ok(Some(Client { id, secret }))
}

/// Explains how to get a client id.
fn explain(preset: Option<&ConsentPreset>) {
    let Some(preset) = preset else {
        tell("You need a client id. The provider gives you one when you register an application,");
        tell("with the redirect URI http://127.0.0.1.");
        return;
    };
    let title = preset.title;
    tell(format_args!("{title} asks you in the browser whether this program may send your mail."));
    tell(format_args!("For that you need a client id from {title}. If you do not have one yet:"));
    for (at, step) in preset.steps.iter().enumerate() {
        tell(format_args!("  {}. {step}", at + 1));
    }
}

/// Reports a consent that failed. The questions go on.
fn report(stop: Stop) -> Result<(), Stop> {
    match stop {
        Stop::Failed(error) => tell_error(&error),
        Stop::UsageWithHint(message, hint) => {
            tell(format_args!("error: {message}"));
            tell(format_args!("  hint: {hint}"));
        }
        stop => return Err(stop),
    }
    Ok(())
}
