//! A port that forwards to one server and later to another, so that a host with one account meets both.

use std::sync::Arc;

use tokio::io::copy_bidirectional;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Mutex;
use tokio::task::JoinSet;

pub(super) struct Door {
    port: u16,
    way: Arc<Mutex<Way>>,
}

struct Way {
    to: u16,
    connections: JoinSet<()>,
}

impl Door {
    pub(super) async fn to(port: u16) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port on loopback is free");
        let own = listener.local_addr().expect("it is bound").port();
        let way = Arc::new(Mutex::new(Way { to: port, connections: JoinSet::new() }));
        tokio::spawn(accept(listener, Arc::clone(&way)));
        Self { port: own, way }
    }

    pub(super) fn port(&self) -> u16 {
        self.port
    }

    /// Forwards to another port from now on, and closes the existing connections.
    pub(super) async fn lead_to(&self, port: u16) {
        let mut way = self.way.lock().await;
        way.to = port;
        way.connections.shutdown().await;
    }
}

async fn accept(listener: TcpListener, way: Arc<Mutex<Way>>) {
    while let Ok((mut client, _)) = listener.accept().await {
        let mut way = way.lock().await;
        let to = way.to;
        way.connections.spawn(async move {
            let Ok(mut server) = TcpStream::connect(("127.0.0.1", to)).await else { return };
            // If either end closes, the other end notices.
            let _ = copy_bidirectional(&mut client, &mut server).await;
        });
    }
}
