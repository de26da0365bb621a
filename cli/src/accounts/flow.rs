//! Asks the user for consent, in a browser on this machine or on any machine.

use std::time::Duration;

use clap::Args;

use super::super::context::Context;
use super::super::output::tell;
use super::super::stop::Stop;
use super::browser;
use super::consent::Provider;
use smtp_connector_host::accounts::ConsentPreset;
use smtp_connector_host::consent::{ConsentRequest, Grant, Loopback, LoopbackHost, NetworkClient};

/// How long the command waits for the browser, in seconds.
const PATIENCE: u64 = 300;

/// The way in which the user is asked.
#[derive(Args, Debug)]
pub(super) struct Flow {
    /// Show a code to enter in a browser on any machine
    #[arg(long, conflicts_with_all = ["port", "no_browser", "timeout"])]
    device: bool,

    /// Print the URL without opening a browser
    #[arg(long)]
    no_browser: bool,

    /// Port for the browser's answer, on this machine [default: any free port]
    #[arg(long, value_name = "PORT", value_parser = clap::value_parser!(u16).range(1..))]
    port: Option<u16>,

    /// Seconds to wait for the browser
    #[arg(long, value_name = "SECONDS", default_value_t = PATIENCE, value_parser = clap::value_parser!(u64).range(1..=3600))]
    timeout: u64,
}

impl Default for Flow {
    fn default() -> Self {
        Self { device: false, no_browser: false, port: None, timeout: PATIENCE }
    }
}

impl Flow {
    /// Asks in a browser on this machine, or on another one with a code.
    pub(super) fn with_device(device: bool) -> Self {
        Self { device, ..Self::default() }
    }

    /// Asks the user, and waits for the answer.
    pub(super) async fn ask(
        &self,
        context: &Context<'_>,
        request: &ConsentRequest,
        provider: &Provider,
        client: &NetworkClient,
    ) -> Result<Grant, Stop> {
        let failed = |failure: smtp_connector_host::Failure| context.explain(failure.into());
        if self.device {
            if provider.refuses_devices(&request.endpoints) {
                return Err(no_device_flow(provider.preset));
            }
            return on_device(context, request, client).await;
        }
        let host = provider.preset.map_or(LoopbackHost::Address, |preset| preset.redirect_host);
        let patience = Duration::from_secs(self.timeout);
        let loopback =
            Loopback::default().port(self.port.unwrap_or(0)).host(host).patience(patience);
        let consent = request.begin(loopback).await.map_err(failed)?;
        let url = consent.url().as_str();
        let has_opened = !self.no_browser && browser::open(url);
        if !has_opened && !self.no_browser && request.endpoints.device.is_some() {
            context.output.note("no browser can be opened here, so another one is used");
            return on_device(context, request, client).await;
        }
        match has_opened {
            true => tell("your browser asks for your consent; if it shows nothing, open this URL:"),
            false => tell("to give consent, open this URL in a browser on this machine:"),
        }
        tell(format_args!("  {url}"));
        if !has_opened {
            let port = consent.redirect().rsplit(':').next().unwrap_or_default();
            context.output.note(format_args!(
                "if the browser is on another machine, first run there: ssh -L {port}:127.0.0.1:{port} THIS-MACHINE"
            ));
        }
        consent.finish(client).await.map_err(failed)
    }
}

fn no_device_flow(preset: Option<&ConsentPreset>) -> Stop {
    let title = preset.map_or("the provider", |preset| preset.title);
    Stop::UsageWithHint(
        format!("{title} does not allow sending mail with the device flow"),
        "run the command without --device, on a machine with a browser".to_owned(),
    )
}

/// Shows a code, and waits until the user has entered it.
async fn on_device(
    context: &Context<'_>,
    request: &ConsentRequest,
    client: &NetworkClient,
) -> Result<Grant, Stop> {
    let failed = |failure: smtp_connector_host::Failure| context.explain(failure.into());
    let consent = request.begin_on_device(client).await.map_err(failed)?;
    let minutes = consent.expires_in().as_secs().div_ceil(60);
    tell(format_args!(
        "to give consent, open this page in any browser within {minutes} min, and enter the code {}:",
        consent.user_code()
    ));
    tell(format_args!("  {}", consent.verification_url()));
    consent.finish(client).await.map_err(failed)
}
