//! From the bytes of a file, perhaps compressed and in any encoding, to text, in constant memory.

use std::io::{self, BufReader, Cursor, Read};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use chardetng::{EncodingDetector, Iso2022JpDetection, Utf8Detection};
use domain::refusal::{Code, Refusal};
use domain::upload::{ByteOrder, utf16_by_zeros};
use encoding_rs::{Encoding, UTF_8, UTF_16BE, UTF_16LE};
use encoding_rs_io::DecodeReaderBytesBuilder;
use flate2::bufread::MultiGzDecoder;

/// How much of a text is looked at, at the least, to recognise its encoding or its delimiter.
pub(super) const SAMPLE_BYTES: usize = 64 * 1024;

/// How much is looked at, at the most, for bytes beyond ASCII, which alone tell encodings apart.
const LARGEST_SAMPLE_BYTES: usize = 1 << 20;

/// Bytes beyond ASCII that are enough to tell.
const TELLING_BYTES: usize = 2_000;

/// Uncompressed bytes for each byte that a compressed file may have: text shrinks to a tenth, hardly ever further.
const MAX_INFLATION: u64 = 200;

const GZIP: &[u8] = &[0x1f, 0x8b];

/// Bytes of somebody's file.
pub(super) type Bytes = Box<dyn Read + Send>;

/// What is wrong with a file, as against the storage that it lies in.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub(super) struct Fault(&'static str);

impl Fault {
    pub(super) fn error(what: &'static str) -> io::Error {
        io::Error::other(Self(what))
    }
}

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
            .ok_or_else(|| Fault::error("the compressed file holds far more than its size allows"))?;
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
    Ok(match encoding.or_else(|| wide(&head)) {
        Some(encoding) => converted(bytes, encoding, true),
        None => Box::new(Undecided { bytes, decided: None }),
    })
}

fn converted(bytes: Bytes, encoding: &'static Encoding, from_the_start: bool) -> Bytes {
    let mut builder = DecodeReaderBytesBuilder::new();
    // What looks like a mark in the middle of a text is none.
    builder.encoding(Some(encoding)).bom_sniffing(from_the_start).bom_override(from_the_start).strip_bom(from_the_start);
    Box::new(builder.build(bytes))
}

/// A text of which nothing is known. ASCII, which all encodings but UTF-16 write alike, passes; the first byte beyond it and
/// what follows tell the encoding, wherever in the file that is.
struct Undecided {
    bytes: Bytes,
    decided: Option<Bytes>,
}

impl Read for Undecided {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if let Some(decided) = &mut self.decided {
            return decided.read(buffer);
        }
        let read = self.bytes.read(buffer)?;
        let seen = buffer.get(..read).unwrap_or_default();
        let Some(plain) = seen.iter().position(|byte| !byte.is_ascii()) else { return Ok(read) };
        let mut sample = seen.get(plain..).unwrap_or_default().to_vec();
        let ended = gather(&mut self.bytes, &mut sample)?;
        let encoding = recognised(&sample, ended);
        let rest = std::mem::replace(&mut self.bytes, Box::new(io::empty()));
        let decided = self.decided.insert(converted(Box::new(Cursor::new(sample).chain(rest)), encoding, false));
        if plain > 0 { Ok(plain) } else { decided.read(buffer) }
    }
}

/// Adds to `sample` until it can tell its encoding; whether the text ends with it.
fn gather(bytes: &mut Bytes, sample: &mut Vec<u8>) -> io::Result<bool> {
    let piece = u64::try_from(SAMPLE_BYTES).unwrap_or(u64::MAX);
    loop {
        if bytes.by_ref().take(piece).read_to_end(sample)? == 0 {
            return Ok(true);
        }
        let telling = sample.iter().filter(|byte| !byte.is_ascii()).count();
        if telling >= TELLING_BYTES || sample.len() >= LARGEST_SAMPLE_BYTES {
            return Ok(false);
        }
    }
}

/// The beginning of the text, and the text from its beginning.
pub(super) fn peeked(mut bytes: Bytes) -> io::Result<(Vec<u8>, Bytes)> {
    let mut head = Vec::with_capacity(SAMPLE_BYTES);
    (&mut bytes).take(u64::try_from(SAMPLE_BYTES).unwrap_or(u64::MAX)).read_to_end(&mut head)?;
    Ok((head.clone(), Box::new(Cursor::new(head).chain(bytes))))
}

/// The encoding of a text that begins with a mark, or in which every other byte tends to be zero.
fn wide(head: &[u8]) -> Option<&'static Encoding> {
    if let Some((encoding, _)) = Encoding::for_bom(head) {
        return Some(encoding);
    }
    utf16_by_zeros(head).map(|order| match order {
        ByteOrder::Little => UTF_16LE,
        ByteOrder::Big => UTF_16BE,
    })
}

/// UTF-8 when at least two thirds of what is beyond ASCII are characters of it, which hardly happens by chance: some spoiled
/// bytes refuse their rows, and do not garble all others.
fn recognised(sample: &[u8], ended: bool) -> &'static Encoding {
    let (mut valid, mut spoiled) = (0_usize, 0_usize);
    for chunk in sample.utf8_chunks() {
        valid = valid.saturating_add(chunk.valid().chars().filter(|c| !c.is_ascii()).count());
        spoiled = spoiled.saturating_add(usize::from(!chunk.invalid().is_empty()));
    }
    // A character cut at the end of the sample is no error.
    let cut = !ended && std::str::from_utf8(sample).is_err_and(|error| error.error_len().is_none());
    if cut || valid >= spoiled.saturating_mul(2) {
        return UTF_8;
    }
    let mut detector = EncodingDetector::new(Iso2022JpDetection::Deny);
    detector.feed(sample, true);
    detector.guess(None, Utf8Detection::Deny)
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
    fn an_encoding_shows_behind_any_amount_of_ascii() {
        let plain = "id;name\n1;Ana\n".repeat(20_000);
        let latin: Vec<u8> = plain.bytes().chain(*b"2;Jos\xe9\n3;M\xfcller\n").collect();
        assert!(read(&latin, "auto").unwrap().ends_with("2;José\n3;Müller\n"));
        assert!(read(format!("{plain}2;José\n").as_bytes(), "auto").unwrap().ends_with("2;José\n"));
        assert!(read(&zipped(&latin), "auto").unwrap().ends_with("Müller\n"));
    }

    #[test]
    fn one_spoiled_byte_does_not_garble_the_others() {
        let good = "2;José\n3;Müller\n".repeat(10_000);
        let spoiled: Vec<u8> = b"1;Ren\xe9\n".iter().copied().chain(good.bytes()).collect();
        assert_eq!(read(&spoiled, "auto").unwrap(), format!("1;Ren\u{fffd}\n{good}"));
        let late = format!("{}{good}", "plain text\n".repeat(20_000));
        let late: Vec<u8> = b"1;Ren\xe9\n".iter().copied().chain(late.bytes()).collect();
        assert!(read(&late, "auto").unwrap().ends_with(&good));
        assert_eq!(read(b"\xe9t\xe9", "auto").unwrap(), "été");
        let marked = read(b"x \xff\xfe y\xe9", "auto").unwrap();
        assert!(marked.starts_with("x ÿ") && marked.ends_with(" yé"), "no mark in the middle: {marked}");
    }
}
