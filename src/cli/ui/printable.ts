/** `text` as one line that cannot steer a terminal: line ends become spaces, other control characters vanish. */
export const printable = (text: string): string => text.replace(/[\r\n\t]+/g, " ").replace(/\p{Cc}/gu, "");
