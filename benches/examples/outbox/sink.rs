//! A server that accepts every message, after a time that a real one needs to store it.

use std::net::SocketAddr;
use std::time::Duration;

use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::{TcpListener, TcpStream};

/// Starts the server on a free port of this machine.
pub(crate) async fn start(pause: Duration) -> std::io::Result<SocketAddr> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let address = listener.local_addr()?;
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            tokio::spawn(serve(stream, pause));
        }
    });
    Ok(address)
}

async fn serve(stream: TcpStream, pause: Duration) -> std::io::Result<()> {
    stream.set_nodelay(true)?;
    let mut stream = BufReader::new(stream);
    stream.write_all(b"220 sink\r\n").await?;
    let (mut line, mut replies, mut is_content) = (Vec::new(), Vec::new(), false);
    loop {
        line.clear();
        if stream.read_until(b'\n', &mut line).await? == 0 {
            return Ok(());
        }
        let reply: &[u8] = match (is_content, line.as_slice()) {
            (true, b".\r\n") => {
                tokio::time::sleep(pause).await;
                is_content = false;
                b"250 2.0.0 stored\r\n"
            }
            (true, _) => continue,
            (false, words) if words.starts_with(b"EHLO") => {
                b"250-sink\r\n250-PIPELINING\r\n250-ENHANCEDSTATUSCODES\r\n250 8BITMIME\r\n"
            }
            (false, words) if words.starts_with(b"DATA") => {
                is_content = true;
                b"354 go on\r\n"
            }
            (false, _) => b"250 2.0.0 yes\r\n",
        };
        replies.extend_from_slice(reply);
        // Commands that came together are answered together.
        if stream.buffer().is_empty() || is_content {
            stream.write_all(&replies).await?;
            replies.clear();
        }
    }
}
