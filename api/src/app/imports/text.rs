//! From the bytes of a file, perhaps compressed and in any encoding, to text, in constant memory.

use std::io::{self, BufRead, BufReader, Cursor, Read};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use chardetng::{EncodingDetector, Iso2022JpDetection, Utf8Detection};
use domain::refusal::{Code, Refusal};
use domain::upload::{ByteOrder, utf16_by_zeros};
use encoding_rs::{Encoding, UTF_8, UTF_16BE, UTF_16LE};
use encoding_rs_io::DecodeReaderBytesBuilder;
use flate2::bufread::MultiGzDecoder;

/// How much of a file is looked at to recognise its encoding and delimiter.
const SAMPLE_BYTES: usize = 64 * 1024;

/// Uncompressed bytes for each byte that a compressed file may have: text shrinks to a tenth, hardly ever further.
const MAX_INFLATION: u64 = 200;

const GZIP: &[u8] = &[0x1f, 0x8b];

/// Bytes of somebody's file.
pub(super) type Bytes = Box<dyn Read + Send>;

/// Counts what is read through it.
pub(super) struct Counted<R> {
    inner: R,
    count: Arc<AtomicU64>,
}

impl<R> Counted<R> {
    pub(super) fn new(inner: R, count: Arc<AtomicU64>) -> Self {
        Self { inner, count }
    }
}

impl<R: Read> Read for Counted<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.inner.read(buffer)?;
        self.count.fetch_add(u64::try_from(read).unwrap_or(u64::MAX), Ordering::Relaxed);
        Ok(read)
    }
}

/// Ends with an error when a file has more text than its size can honestly hold.
struct Bounded<R> {
    inner: R,
    left: u64,
}

impl<R: Read> Read for Bounded<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.inner.read(buffer)?;
        self.left = self
            .left
            .checked_sub(u64::try_from(read).unwrap_or(u64::MAX))
            .ok_or_else(|| io::Error::other("the compressed file holds far more than its size allows"))?;
        Ok(read)
    }
}

/// The encoding that `label` names, `None` for `auto`. The refusal is about `file.encoding` of a mapping.
pub(super) fn encoding(label: &str) -> Result<Option<&'static Encoding>, Refusal> {
    if label == "auto" {
        return Ok(None);
    }
    let squeezed: String = label.chars().filter(|c| !matches!(c, '-' | '_' | ' ')).collect();
    Encoding::for_label(label.as_bytes()).or_else(|| Encoding::for_label(squeezed.as_bytes())).map(Some).ok_or_else(|| {
        let message = "an encoding is `auto` or a label of the WHATWG standard, such as `utf-8`, `windows-1251`, `iso-8859-1`";
        Refusal::new(Code::Invalid, message).at("encoding").at("file").at("mapping")
    })
}

/// The text of `bytes`, a file of `size` bytes, in UTF-8. What is no text in the encoding becomes U+FFFD.
pub(super) fn decoded(bytes: Bytes, size: u64, encoding: Option<&'static Encoding>) -> io::Result<Bytes> {
    let (head, bytes) = peeked(bytes)?;
    let (head, bytes) = if head.starts_with(GZIP) {
        let inflated = MultiGzDecoder::new(BufReader::new(bytes));
        peeked(Box::new(Bounded { inner: inflated, left: size.saturating_add(1024).saturating_mul(MAX_INFLATION) }))?
    } else {
        (head, bytes)
    };
    let encoding = encoding.unwrap_or_else(|| recognised(&head));
    Ok(Box::new(DecodeReaderBytesBuilder::new().encoding(Some(encoding)).bom_override(true).strip_bom(true).build(bytes)))
}

/// The text without its first `lines` lines.
pub(super) fn without_lines(text: Bytes, lines: u32, max_line: usize) -> io::Result<Bytes> {
    let mut text = BufReader::new(text);
    for _ in 0..lines {
        let mut line = Vec::new();
        let limit = u64::try_from(max_line).unwrap_or(u64::MAX);
        (&mut text).take(limit).read_until(b'\n', &mut line)?;
        if line.len() >= max_line && !line.ends_with(b"\n") {
            return Err(io::Error::other("a line to be left out is too long"));
        }
    }
    Ok(Box::new(text))
}

/// The beginning of the text, and the text from its beginning.
pub(super) fn peeked(mut bytes: Bytes) -> io::Result<(Vec<u8>, Bytes)> {
    let mut head = Vec::with_capacity(SAMPLE_BYTES);
    (&mut bytes).take(u64::try_from(SAMPLE_BYTES).unwrap_or(u64::MAX)).read_to_end(&mut head)?;
    Ok((head.clone(), Box::new(Cursor::new(head).chain(bytes))))
}

fn recognised(head: &[u8]) -> &'static Encoding {
    if let Some((encoding, _)) = Encoding::for_bom(head) {
        return encoding;
    }
    // A character cut at the end of the sample is no error.
    if std::str::from_utf8(head).map_or_else(|error| error.error_len().is_none(), |_| !head.contains(&0)) {
        return UTF_8;
    }
    match utf16_by_zeros(head) {
        Some(ByteOrder::Little) => UTF_16LE,
        Some(ByteOrder::Big) => UTF_16BE,
        None => {
            let mut detector = EncodingDetector::new(Iso2022JpDetection::Deny);
            detector.feed(head, true);
            detector.guess(None, Utf8Detection::Deny)
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;

    fn read(bytes: &[u8], label: &str) -> io::Result<String> {
        let size = u64::try_from(bytes.len()).unwrap();
        let mut text = String::new();
        decoded(Box::new(Cursor::new(bytes.to_vec())), size, encoding(label).unwrap())?.read_to_string(&mut text)?;
        Ok(text)
    }

    fn zipped(bytes: &[u8]) -> Vec<u8> {
        let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
        encoder.write_all(bytes).unwrap();
        encoder.finish().unwrap()
    }

    #[test]
    fn encodings_are_recognised_or_named() {
        let text = "Имя;Город\nАнна Иванова;Москва и Подмосковье\n";
        let (russian, ..) = encoding_rs::WINDOWS_1251.encode(text);
        assert_eq!(read(&russian, "auto").unwrap(), text);
        assert_eq!(read(&russian, "windows-1251").unwrap(), text);
        let utf16: Vec<u8> = text.encode_utf16().flat_map(u16::to_le_bytes).collect();
        assert_eq!(read(&utf16, "utf-16le").unwrap(), text);
        let marked: Vec<u8> = [0xfe, 0xff].into_iter().chain(text.encode_utf16().flat_map(u16::to_be_bytes)).collect();
        assert_eq!(read(&marked, "auto").unwrap(), text);
        let plain: Vec<u8> = "Name;City\nAnna;Rome\n".encode_utf16().flat_map(u16::to_le_bytes).collect();
        assert_eq!(read(&plain, "auto").unwrap(), "Name;City\nAnna;Rome\n");
        assert_eq!(read(b"Jos\xe9;M\xfcller\n", "latin-1").unwrap(), "José;Müller\n");
        assert_eq!(read("\u{feff}a;b".as_bytes(), "auto").unwrap(), "a;b");
        assert_eq!(read(b"a\xff", "utf-8").unwrap(), "a\u{fffd}");
        assert!(encoding("klingon").is_err());
    }

    #[test]
    fn compressed_files_are_read_and_bombs_are_not() {
        assert_eq!(read(&zipped("a;é\n".as_bytes()), "auto").unwrap(), "a;é\n");
        assert!(read(&zipped(&vec![b'a'; 4 << 20]), "auto").is_err());
        assert!(read(&[0x1f, 0x8b, 8, 0, 1], "auto").is_err());
    }

    #[test]
    fn lines_are_left_out() {
        let mut text = String::new();
        without_lines(Box::new(Cursor::new("x\ny\nz")), 2, 100).unwrap().read_to_string(&mut text).unwrap();
        assert_eq!(text, "z");
        assert!(without_lines(Box::new(Cursor::new("x".repeat(101))), 1, 100).is_err());
    }
}
