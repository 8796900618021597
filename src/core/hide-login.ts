/** `http://user:password@host` as messages and logs may show it: who reads them need not learn the login. */
export const hideLogin = (text: string): string => text.replace(/(\/\/)[^/@\s]*@/g, "$1***@");
