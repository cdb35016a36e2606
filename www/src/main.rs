//! everwire's demo and test server.
//!
//! Three listeners: the *page* (static files and the control API), the *app* (chat, ticker and the
//! endpoints for tests; a child process, so that a restart is a real one), and the *wire* (a TCP proxy
//! in front of the app that makes faults below HTTP). A page's clients connect to the wire.

mod app;
mod app_process;
mod args;
mod bounds;
mod control;
mod faults;
mod files;
mod guard;
mod listener;
mod net;
mod page;
mod proxy;

use std::future::poll_fn;
use std::process::ExitCode;
use std::sync::Arc;
use std::task::Poll;

use tokio::signal::unix::{SignalKind, signal};

use app_process::AppProcess;
use args::{Command, DemoOptions};
use bounds::Bounds;
use faults::Faults;
use guard::Guard;
use listener::{Connection, Listener};
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
    let mut signals = Vec::new();
    // The last one comes when the terminal is closed.
    for kind in [SignalKind::interrupt(), SignalKind::terminate(), SignalKind::hangup()] {
        signals.push(signal(kind).map_err(|e| e.to_string())?);
    }
    let exit_with_stdin = options.exit_with_stdin;
    let told = async {
        let mut told: Vec<_> = signals.iter_mut().map(|signal| Box::pin(signal.recv())).collect();
        let any = poll_fn(|cx| {
            let told = told.iter_mut().any(|told| told.as_mut().poll(cx).is_ready());
            if told { Poll::Ready(()) } else { Poll::Pending }
        });
        let stdin_closed =
            async { if exit_with_stdin { net::stdin_closed().await } else { std::future::pending().await } };
        tokio::select! {
            () = any => {}
            () = stdin_closed => {}
        }
    };
    let mut running = None;
    // Also while it starts: what has been begun ends with its owner, the logs too.
    let result = tokio::select! {
        () = told => Ok(()),
        ended = serve(options, &mut running) => ended,
    };
    if let Some(app) = running {
        app.stop().await;
    }
    result
}

/// Runs until something fails.
async fn serve(options: DemoOptions, running: &mut Option<Arc<AppProcess>>) -> Result<(), String> {
    let page = net::listen((options.host, options.port).into()).await?;
    let page_address = page.local_addr().map_err(|e| e.to_string())?;
    // Ports that stand beside the page's are easier to remember. Any other will do.
    let beside = |n: u16| if options.port == 0 { 0 } else { options.port.checked_add(n).unwrap_or(0) };
    let wire_port = Reserved::port_or_any(options.host, beside(1))?;
    let app_port = Reserved::port_or_any(options.host, beside(2))?;
    let addresses =
        page::Addresses { page: page_address, wire: wire_port.address(), app: app_port.address() };

    let guard = Guard { host: options.host, page_port: page_address.port(), names: options.names };
    let guard = Some(guard).filter(|_| !options.tests);
    let bounds = Bounds::of(options.tests);

    let app = Arc::new(AppProcess::start(app_port, options.log_size, guard.clone()).await?);
    *running = Some(Arc::clone(&app));
    let proxy = Proxy::start(wire_port, app.address(), guard.clone()).await?;
    let faults = Arc::new(Faults::new(proxy, app));
    let router = page::router(addresses, options.roots, faults, guard);
    let service = router.into_make_service_with_connect_info::<Connection>();
    let server = tokio::spawn(async move { axum::serve(Listener::new(page, bounds), service).await });

    say(&format!("everwire demo: {}/", net::url(addresses.page, None)));

    Err(format!("the page's server ended: {:?}", server.await))
}
