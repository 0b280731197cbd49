//! A collector on loopback: takes OTLP over HTTP and reads the protobuf by itself, so that a mistake of the library's is
//! not repeated here.

use std::sync::{Arc, Mutex};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

/// One span, as far as the tests ask.
#[derive(Debug, Default)]
pub struct Span {
    pub trace: Vec<u8>,
    pub id: Vec<u8>,
    pub parent: Vec<u8>,
    pub name: String,
    /// Whether its status is an error.
    pub failed: bool,
    attributes: Vec<(String, String)>,
}

impl Span {
    pub fn says(&self, name: &str, value: &str) -> bool {
        self.attributes.iter().any(|(n, v)| n == name && v == value)
    }
}

type Requests = Arc<Mutex<Vec<(String, Vec<u8>)>>>;

pub struct Collector {
    url: String,
    requests: Requests,
}

impl Collector {
    pub async fn new() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let requests = Requests::default();
        let taken = requests.clone();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(take(stream, taken.clone()));
            }
        });
        Self { url, requests }
    }

    pub fn url(&self) -> &str {
        &self.url
    }

    pub fn heads(&self) -> Vec<String> {
        self.requests.lock().unwrap().iter().map(|(head, _)| head.clone()).collect()
    }

    pub fn bytes(&self) -> Vec<u8> {
        self.requests.lock().unwrap().iter().flat_map(|(_, body)| body.clone()).collect()
    }

    pub fn spans(&self) -> Vec<Span> {
        let requests = self.requests.lock().unwrap();
        // ExportTraceServiceRequest.resource_spans (1) → scope_spans (2) → spans (2), opentelemetry-proto v1.
        let resources = requests.iter().flat_map(|(_, body)| messages(body, 1));
        let scopes = resources.flat_map(|bytes| messages(&bytes, 2));
        scopes.flat_map(|bytes| messages(&bytes, 2)).map(|bytes| span(&bytes)).collect()
    }
}

fn span(bytes: &[u8]) -> Span {
    let one = |number| messages(bytes, number).pop().unwrap_or_default();
    let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
    let attributes = messages(bytes, 9).into_iter().map(|pair| {
        let value = messages(&pair, 2).pop().unwrap_or_default();
        let value = messages(&value, 1).pop().unwrap_or_default();
        (text(&messages(&pair, 1).pop().unwrap()), text(&value))
    });
    Span {
        trace: one(1),
        id: one(2),
        parent: one(4),
        name: text(&one(5)),
        // Status (15) holds its code (3) as a number; 2 is an error.
        failed: fields(&one(15)).iter().any(|(number, field)| (*number, field) == (3, &Field::Number(2))),
        attributes: attributes.collect(),
    }
}

#[derive(Debug, PartialEq)]
enum Field {
    Number(u64),
    Bytes(Vec<u8>),
}

/// The embedded messages, texts and bytes of one field.
fn messages(bytes: &[u8], number: u64) -> Vec<Vec<u8>> {
    let fields = fields(bytes).into_iter().filter(|(n, _)| *n == number);
    let bytes = fields.filter_map(|(_, field)| if let Field::Bytes(bytes) = field { Some(bytes) } else { None });
    bytes.collect()
}

/// Takes a message apart: <https://protobuf.dev/programming-guides/encoding/>.
fn fields(mut bytes: &[u8]) -> Vec<(u64, Field)> {
    let mut found = Vec::new();
    while !bytes.is_empty() {
        let tag = varint(&mut bytes);
        let field = match tag & 7 {
            0 => Field::Number(varint(&mut bytes)),
            1 => Field::Bytes(take_off(&mut bytes, 8)),
            2 => {
                let length = usize::try_from(varint(&mut bytes)).unwrap();
                Field::Bytes(take_off(&mut bytes, length))
            }
            5 => Field::Bytes(take_off(&mut bytes, 4)),
            wire => panic!("no wire type: {wire}"),
        };
        found.push((tag >> 3, field));
    }
    found
}

fn take_off(bytes: &mut &[u8], length: usize) -> Vec<u8> {
    let (taken, rest) = bytes.split_at(length);
    *bytes = rest;
    taken.to_vec()
}

fn varint(bytes: &mut &[u8]) -> u64 {
    let (mut value, mut shift) = (0, 0);
    loop {
        let byte = take_off(bytes, 1)[0];
        value |= u64::from(byte & 0x7f) << shift;
        if byte & 0x80 == 0 {
            return value;
        }
        shift += 7;
    }
}

async fn take(mut stream: TcpStream, requests: Requests) {
    let mut asked: Vec<u8> = Vec::new();
    loop {
        let mut buffer = vec![0; 65_536];
        let Ok(n @ 1..) = stream.read(&mut buffer).await else { return };
        asked.extend(&buffer[..n]);
        let Some(end) = asked.windows(4).position(|w| w == b"\r\n\r\n") else { continue };
        let head = String::from_utf8_lossy(&asked[..end]).into_owned();
        let length = head.to_lowercase().lines().find_map(|l| l.strip_prefix("content-length: ")?.parse().ok());
        let all = end + 4 + length.unwrap_or(0);
        if asked.len() < all {
            continue;
        }
        requests.lock().unwrap().push((head, asked[end + 4..all].to_vec()));
        asked.drain(..all);
        let _ = stream
            .write_all(b"HTTP/1.1 200 OK\r\ncontent-type: application/x-protobuf\r\ncontent-length: 0\r\n\r\n")
            .await;
    }
}
