//! Pictures as they come in are not kept: they are decoded and written anew, which leaves behind where and when they
//! were taken, and whatever else somebody has put into the file.

use std::io::Cursor;

use image::{
    DynamicImage, ImageDecoder, ImageFormat, ImageReader, Limits, codecs::jpeg::JpegEncoder, codecs::png::PngEncoder,
    metadata::Orientation,
};
use providers::kyc::PictureFormat;
use zeroize::Zeroizing;

use super::Settings;
use crate::{Error, System};

/// Pictures that one process works on at the same time: each takes some hundred MB at most.
pub(crate) const AT_ONCE: usize = 2;

const MILLION: u64 = 1_000_000;
const LONGEST_SIDE: u32 = 16_384;
/// A face or a document on fewer pixels is of no use to anybody.
const SHORTEST_SIDE: u32 = 64;
const JPEG_QUALITY: u8 = 90;

/// A picture that was written anew.
pub struct Clean {
    pub format: PictureFormat,
    pub content: Zeroizing<Vec<u8>>,
}

/// Looks at what was uploaded and writes it anew. Beyond the places it is refused, to be tried again.
pub async fn clean(system: &System, uploaded: Zeroizing<Vec<u8>>) -> Result<Clean, Error> {
    let busy = || Error::Busy { retry_after: std::time::Duration::from_secs(2) };
    let place = system.picture_places.clone().try_acquire_owned().map_err(|_| busy())?;
    let settings = system.settings.kyc.clone();
    let work = tokio::task::spawn_blocking(move || {
        let cleaned = rewrite(&uploaded, &settings);
        drop(place);
        cleaned
    });
    work.await.map_err(|e| Error::Internal(Box::new(e)))?
}

fn rewrite(uploaded: &[u8], settings: &Settings) -> Result<Clean, Error> {
    if uploaded.len() > settings.max_document_bytes {
        return Err(Error::invalid("file", format!("has at most {} bytes", settings.max_document_bytes)));
    }
    let format = sniffed(uploaded)?;
    let (picture, orientation) = decoded(uploaded, format, settings)?;
    let mut picture = Wiped(picture);
    picture.0.apply_orientation(orientation);
    // What is kept is bounded as what comes in is: a PNG may come out many times as long as it went in.
    let is_bounded = |content: &Zeroizing<Vec<u8>>| content.len() <= settings.max_document_bytes;
    let mut clean = Clean { format, content: written(&picture.0, format)? };
    if !is_bounded(&clean.content) {
        let format = PictureFormat::Jpeg;
        clean = Clean { format, content: written(&picture.0, format)? };
    }
    match is_bounded(&clean.content) {
        true => Ok(clean),
        false => Err(Error::invalid("file", "is too long once it is written anew; make it smaller")),
    }
}

/// By what is in the file, whatever it is called.
fn sniffed(uploaded: &[u8]) -> Result<PictureFormat, Error> {
    match uploaded {
        [0xff, 0xd8, 0xff, ..] => Ok(PictureFormat::Jpeg),
        [0x89, b'P', b'N', b'G', b'\r', b'\n', 0x1a, b'\n', ..] => Ok(PictureFormat::Png),
        _ => Err(Error::invalid("file", "must be a JPEG or PNG picture")),
    }
}

fn decoded(uploaded: &[u8], format: PictureFormat, settings: &Settings) -> Result<(DynamicImage, Orientation), Error> {
    let unreadable = |_| Error::invalid("file", "cannot be read as the picture that it says it is");
    let format = match format {
        PictureFormat::Jpeg => ImageFormat::Jpeg,
        PictureFormat::Png => ImageFormat::Png,
    };
    let most = u64::from(settings.max_megapixels) * MILLION;
    let mut limits = Limits::default();
    limits.max_image_width = Some(LONGEST_SIDE);
    limits.max_image_height = Some(LONGEST_SIDE);
    // Sixteen bits for each of four channels, and as much again to work in.
    limits.max_alloc = Some(most * 16);
    let mut reader = ImageReader::with_format(Cursor::new(uploaded), format);
    reader.limits(limits);
    // Reads no further than the header.
    let mut decoder = reader.into_decoder().map_err(|error| match error {
        image::ImageError::Limits(_) => too_many_pixels(settings),
        other => unreadable(other),
    })?;
    let (width, height) = decoder.dimensions();
    if u64::from(width) * u64::from(height) > most {
        return Err(too_many_pixels(settings));
    }
    if width.min(height) < SHORTEST_SIDE {
        return Err(Error::invalid("file", format!("must be {SHORTEST_SIDE} pixels wide and high at least")));
    }
    let orientation = decoder.orientation().unwrap_or(Orientation::NoTransforms);
    Ok((DynamicImage::from_decoder(decoder).map_err(unreadable)?, orientation))
}

fn too_many_pixels(settings: &Settings) -> Error {
    let most = settings.max_megapixels;
    Error::invalid("file", format!("has at most {most} million pixels, and {LONGEST_SIDE} along each side"))
}

fn written(picture: &DynamicImage, format: PictureFormat) -> Result<Zeroizing<Vec<u8>>, Error> {
    // As large as any outcome is likely to be, so that no copy is left behind by growing.
    let mut content = Zeroizing::new(Vec::with_capacity(picture.as_bytes().len() + 4_096));
    let internal = |e: image::ImageError| Error::Internal(Box::new(e));
    match format {
        PictureFormat::Jpeg => {
            let rgb = Wiped(DynamicImage::from(picture.to_rgb8()));
            rgb.0.write_with_encoder(JpegEncoder::new_with_quality(&mut *content, JPEG_QUALITY)).map_err(internal)?;
        }
        PictureFormat::Png => {
            let rgba = Wiped(DynamicImage::from(picture.to_rgba8()));
            rgba.0.write_with_encoder(PngEncoder::new(&mut *content)).map_err(internal)?;
        }
    }
    Ok(content)
}

/// A decoded picture whose pixels are overwritten when it is dropped.
struct Wiped(DynamicImage);

impl Drop for Wiped {
    fn drop(&mut self) {
        use zeroize::Zeroize;
        match &mut self.0 {
            DynamicImage::ImageRgb8(pixels) => pixels.iter_mut().for_each(Zeroize::zeroize),
            DynamicImage::ImageRgba8(pixels) => pixels.iter_mut().for_each(Zeroize::zeroize),
            DynamicImage::ImageLuma8(pixels) => pixels.iter_mut().for_each(Zeroize::zeroize),
            // Rare: of 16 bits, or with an odd number of channels.
            _ => {}
        }
    }
}

#[cfg(test)]
#[path = "picture/tests.rs"]
mod tests;
