//! Asks for the settings that few accounts need.

use super::answers::{Answers, More};
use super::questions::{NONE, confirm, hidden, input, optional, select};
use crate::output::tell;
use crate::stop::Stop;
use smtp_connector_host::accounts::{Account, Proxy};
use smtp_connector_smtp::settings::Auth;

/// Asks whether to change these settings, and for each of them.
pub(super) fn ask(answers: &mut Answers, account: &Account) -> Result<(), Stop> {
    let question = "Change more: login mechanism, Reply-To, EHLO name, pipelining, proxy";
    if !confirm(question, answers.more.is_some())? {
        return Ok(());
    }
    let before = answers.more.take().unwrap_or_else(|| More::of(account));
    let names: Vec<_> = Auth::NAMES.iter().map(|(name, _)| *name).collect();
    let is_before = |(_, auth): &(&str, Auth)| *auth == before.auth;
    let place = Auth::NAMES.iter().position(is_before).unwrap_or(0);
    answers.more = Some(More {
        auth: Auth::NAMES[select("Login mechanism", &names, place)?].1,
        reply_to: optional("Reply-To of your mails", before.reply_to.as_deref())?,
        ehlo_name: optional("Host name to send in EHLO", before.ehlo_name.as_deref())?,
        pipelining: confirm(
            "Send several commands at once if the server allows it",
            before.pipelining,
        )?,
        proxy: proxy(before.proxy)?,
    });
    Ok(())
}

/// Asks for a proxy. The password of the present one is neither shown nor asked for again.
fn proxy(before: Option<Proxy>) -> Result<Option<Proxy>, Stop> {
    let prompt = format!("Proxy, such as socks5://user@proxy.example.com:1080 ({NONE} for none)");
    let shown = before.as_ref().map(ToString::to_string);
    loop {
        let answer = input(&prompt, Some(shown.clone().unwrap_or_else(|| NONE.to_owned())))?;
        if answer == NONE {
            return Ok(None);
        }
        if shown.as_ref() == Some(&answer) {
            return Ok(before);
        }
        let has_user = answer.contains('@');
        let parsed = match has_user {
            true => Proxy::with_password(&answer, hidden("Password of the proxy")?),
            false => answer.parse(),
        };
        match parsed {
            Ok(proxy) => return Ok(Some(proxy)),
            Err(reason) => tell(format_args!("not valid: {reason}")),
        }
    }
}
