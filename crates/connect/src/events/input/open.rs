//! Opening: a file or standard input enters, text or Parquet leaves, unpacked; an archive gives one content for each of
//! its files. What is neither is named.

use std::fs::File;
use std::io::{self, BufReader, Chain, Cursor, Read, Seek};
use std::path::{Path, PathBuf};

use bzip2::bufread::MultiBzDecoder;
use flate2::bufread::MultiGzDecoder;
use lzma_rust2::XzReader;
use slirec_core::files::FileError;

use super::decoding::{Decoding, Found, TextEncoding, tell};
use super::magic::{Kind, document, kind};
use crate::events::ImportError;

const BUFFER: usize = 1 << 18;
/// Bytes by which a content is recognised.
const START: usize = 1 << 16;
/// Most layers of compression, such as `events.csv.gz` in a zip archive.
const MOST_LAYERS: usize = 4;
/// Memory for unpacking xz, in KiB: `xz -9` needs 65 MiB.
const XZ_MEMORY: u32 = 256 << 10;

/// Text, unpacked and in UTF-8 or in what its rows are checked to be.
pub(crate) struct Text<'a> {
    /// The first bytes, which the reader gives too.
    pub(crate) start: Vec<u8>,
    /// All of it.
    pub(crate) reader: Box<dyn Read + 'a>,
    /// How many bytes that are, where it is a plain file.
    pub(crate) size: Option<u64>,
}

/// An opened input.
pub(crate) enum Content<'a> {
    /// Text.
    Text(Text<'a>),
    /// A Parquet file.
    Parquet(#[cfg_attr(not(feature = "parquet"), allow(dead_code, reason = "it is refused then"))] File),
}

/// How inputs are opened.
pub(crate) struct Opener<'a> {
    /// Where files are kept that must be read twice or from their ends and come through a pipe or packed.
    pub(crate) directory: &'a Path,
    /// The encoding of text; none to tell it by its mark.
    pub(crate) encoding: Option<TextEncoding>,
}

type Each<'e> = dyn FnMut(&Path, Content<'_>) -> Result<(), ImportError> + 'e;

impl Opener<'_> {
    /// Opens a file, or `-` for standard input, and hands over its contents with their names.
    ///
    /// # Errors
    /// What cannot be read, by its name and kind; what `each` fails of.
    pub(crate) fn open(&self, path: &Path, each: &mut Each<'_>) -> Result<(), ImportError> {
        if path == Path::new("-") {
            return self.contents(Box::new(io::stdin()), None, path, 0, each);
        }
        let file = File::open(path).map_err(FileError::io("read", path))?;
        // Pipes and process substitutions can be read once: only a regular file is opened again.
        let regular = file.metadata().is_ok_and(|metadata| metadata.is_file());
        self.contents(Box::new(file), regular.then_some(path), path, 0, each)
    }

    fn contents(
        &self,
        reader: Box<dyn Read + '_>,
        regular: Option<&Path>,
        name: &Path,
        layer: usize,
        each: &mut Each<'_>,
    ) -> Result<(), ImportError> {
        let of_file = |error: io::Error| ImportError::File(FileError::io("read", name)(error));
        let invalid = |problem: String| ImportError::Invalid { path: name.to_owned(), problem };
        let (start, whole) = begin(reader).map_err(of_file)?;
        let buffered = |whole| BufReader::with_capacity(BUFFER, whole);
        let kind = kind(&start);
        if layer >= MOST_LAYERS && !matches!(kind, Kind::Text | Kind::Parquet) {
            return Err(invalid(format!("is packed more than {MOST_LAYERS} times: unpack it")));
        }
        let unpacked: Box<dyn Read + '_> = match kind {
            Kind::Gzip => Box::new(MultiGzDecoder::new(buffered(whole))),
            Kind::Bzip2 => Box::new(MultiBzDecoder::new(buffered(whole))),
            Kind::Xz => Box::new(XzReader::new_mem_limit(buffered(whole), true, XZ_MEMORY)),
            Kind::Zstd => Box::new(zstd::Decoder::with_buffer(buffered(whole)).map_err(of_file)?),
            Kind::Zip => {
                let file = self.seekable(whole, regular).map_err(of_file)?;
                return self.archive(file, name, layer, each);
            }
            Kind::Parquet => return each(name, Content::Parquet(self.seekable(whole, regular).map_err(of_file)?)),
            Kind::Foreign(what) => return Err(invalid(format!("is {what}"))),
            Kind::Text => {
                let (start, reader) = self.text(start, whole).map_err(invalid)?;
                let text = match start {
                    Some(start) => {
                        let size = regular.and_then(|path| Some(path.metadata().ok()?.len()));
                        Text { start, reader, size }
                    }
                    None => {
                        let (start, reader) = begin(reader).map_err(of_file)?;
                        Text { start, reader: Box::new(reader), size: None }
                    }
                };
                return each(name, Content::Text(text));
            }
        };
        self.contents(unpacked, None, name, layer + 1, each)
    }

    /// Text in UTF-8, and its first bytes if they are known.
    fn text<'r>(&self, start: Vec<u8>, whole: Whole<'r>) -> Result<Decoded<'r>, String> {
        match tell(&start, self.encoding)? {
            Found::Other(encoding) => Ok((None, Box::new(Decoding::new(whole, encoding)))),
            Found::Utf8(mark) => {
                let rest = start.get(mark..).unwrap_or_default().to_vec();
                let mut whole = whole;
                let (cursor, _) = whole.get_mut();
                cursor.set_position(mark as u64);
                Ok((Some(rest), Box::new(whole)))
            }
        }
    }

    /// A file that can be read from its end: the file itself, or a copy of what was read.
    fn seekable(&self, mut whole: Whole<'_>, regular: Option<&Path>) -> io::Result<File> {
        if let Some(path) = regular {
            return File::open(path);
        }
        let mut file = tempfile::tempfile_in(self.directory)?;
        io::copy(&mut whole, &mut file)?;
        file.rewind()?;
        Ok(file)
    }

    fn archive(&self, file: File, name: &Path, layer: usize, each: &mut Each<'_>) -> Result<(), ImportError> {
        let invalid = |problem: String| ImportError::Invalid { path: name.to_owned(), problem };
        let damaged = |error: zip::result::ZipError| invalid(format!("is a zip archive that cannot be read: {error}"));
        let mut archive = zip::ZipArchive::new(BufReader::new(file)).map_err(damaged)?;
        let names: Vec<String> = (0..archive.len())
            .map(|index| {
                let entry = archive.by_index_raw(index).map_err(damaged)?;
                if entry.encrypted() {
                    return Err(invalid("is a zip archive with a password: unpack it".to_owned()));
                }
                Ok(entry.name().map_err(damaged)?.into_owned())
            })
            .collect::<Result<_, _>>()?;
        if let Some(what) = document(names.iter().map(String::as_str)) {
            return Err(invalid(format!("is {what}")));
        }
        let mut order: Vec<usize> = (0..names.len()).collect();
        order.sort_by_key(|index| names.get(*index));
        for index in order {
            let entry_name = names.get(index).map(String::as_str).unwrap_or_default();
            let hidden = entry_name.split('/').any(|part| part.starts_with(['.', '_']));
            if entry_name.ends_with('/') || hidden {
                continue;
            }
            let entry = archive.by_index(index).map_err(damaged)?;
            let inner = PathBuf::from(format!("{}:{entry_name}", name.display()));
            self.contents(Box::new(entry), None, &inner, layer + 1, each)?;
        }
        Ok(())
    }
}

/// The first bytes in UTF-8, if they are known, and all of the text.
type Decoded<'r> = (Option<Vec<u8>>, Box<dyn Read + 'r>);

/// The first bytes again, and what follows them.
type Whole<'r> = Chain<Cursor<Vec<u8>>, Box<dyn Read + 'r>>;

/// Reads the first bytes, and gives them back in front of the rest.
fn begin(mut reader: Box<dyn Read + '_>) -> io::Result<(Vec<u8>, Whole<'_>)> {
    let mut start = Vec::new();
    reader.by_ref().take(START as u64).read_to_end(&mut start)?;
    Ok((start.clone(), Cursor::new(start).chain(reader)))
}
