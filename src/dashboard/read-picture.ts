/** A file as a data URL, as OpenAI's API takes pictures. */
export const readPicture = (file: File): Promise<string> =>
  new Promise((resolve, reject) => {
    const reader = new FileReader();
    reader.onload = () => resolve(String(reader.result));
    reader.onerror = () => reject(reader.error);
    reader.readAsDataURL(file);
  });

export const pictureMaxBytes = 20 * 1024 * 1024; // in base64 a third more, which a node still takes
