//! everwire's demo and test server.
//!
//! Three listeners: the *page* (static files and the control API), the *app* (chat, ticker and the
//! endpoints for tests; a child process, so that a restart is a real one), and the *wire* (a TCP proxy
//! in front of the app that makes faults below HTTP). A page's clients connect to the wire.

mod app;
mod app_process;
mod args;
mod control;
mod faults;
mod files;
mod net;
mod page;
mod proxy;

use std::process::ExitCode;
use std::sync::Arc;

use tokio::signal::unix::{SignalKind, signal};

use app_process::AppProcess;
use args::{Command, DemoOptions};
use faults::Faults;
use net::Reserved;
use proxy::Proxy;

fn main() -> ExitCode {
    let command = match args::parse(std::env::args().skip(1)) {
        Ok(command) => command,
        Err(sentence) => {
            eprintln!("everwire-demo: {sentence}");
            return ExitCode::from(2);
        }
    };
    let runtime = match tokio::runtime::Runtime::new() {
        Ok(runtime) => runtime,
        Err(error) => return failed(&format!("the runtime did not start: {error}")),
    };
    let result = match command {
        Command::Help => {
            say(args::USAGE);
            Ok(())
        }
        Command::App(options) => runtime.block_on(app::run(options)),
        Command::Demo(options) => runtime.block_on(demo(options)),
    };
    // Does not wait for connections that are still open.
    runtime.shutdown_background();
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(sentence) => failed(&sentence),
    }
}

fn failed(sentence: &str) -> ExitCode {
    eprintln!("everwire-demo: {sentence}");
    ExitCode::FAILURE
}

/// The only place that prints to stdout.
#[allow(clippy::print_stdout, reason = "scripts wait for the one line that says the server is ready")]
fn say(line: &str) {
    println!("{line}");
}

async fn demo(options: DemoOptions) -> Result<(), String> {
    let mut interrupt = signal(SignalKind::interrupt()).map_err(|e| e.to_string())?;
    let mut terminate = signal(SignalKind::terminate()).map_err(|e| e.to_string())?;

    let page = net::listen((options.host, options.port).into()).await?;
    let page_address = page.local_addr().map_err(|e| e.to_string())?;
    // Ports that stand beside the page's are easier to remember. Any other will do.
    let beside = |n: u16| if options.port == 0 { 0 } else { options.port.checked_add(n).unwrap_or(0) };
    let wire_port = Reserved::port_or_any(options.host, beside(1))?;
    let app_port = Reserved::port_or_any(options.host, beside(2))?;
    let addresses =
        page::Addresses { page: page_address, wire: wire_port.address(), app: app_port.address() };

    let app = Arc::new(AppProcess::start(app_port, options.log_size).await?);
    let proxy = Proxy::start(wire_port, app.address()).await?;
    let faults = Arc::new(Faults::new(proxy, Arc::clone(&app)));
    let router = page::router(addresses, options.roots, faults);
    let server = tokio::spawn(async move { axum::serve(page, router).await });

    say(&format!("everwire demo: {}/", net::url(addresses.page, None)));

    let stdin_closed = async {
        if options.exit_with_stdin { net::stdin_closed().await } else { std::future::pending().await }
    };
    let result = tokio::select! {
        _ = interrupt.recv() => Ok(()),
        _ = terminate.recv() => Ok(()),
        () = stdin_closed => Ok(()),
        ended = server => Err(format!("the page's server ended: {ended:?}")),
    };
    app.stop().await;
    result
}
