import { type Language, languageNames } from "./language.ts";
import type { Page } from "./route.ts";
import { useTexts } from "./use-texts.ts";

interface HeaderProps {
  pages: readonly Page[];
  page: Page | undefined;
  language: Language;
  hasKey: boolean;
  onLanguage(language: Language): void;
  onSignIn(): void;
  onSignOut(): void;
}

/** Where one is, and where one can go. */
export const Header = ({ pages, page, language, hasKey, onLanguage, onSignIn, onSignOut }: HeaderProps) => {
  const { t } = useTexts();
  const skip = (): void => document.getElementById("main")?.focus(); // no link: the address after # names the page
  return (
    <header class="header">
      <button type="button" class="skip" onClick={skip}>
        {t("skip")}
      </button>
      <div class="header-row">
        <a class="brand" href="#/overview">
          <Logo />
          llmlb
        </a>
        <nav aria-label={t("navigation")}>
          {pages.map((one) => (
            <a key={one} href={`#/${one}`} {...(one === page && { "aria-current": "page" })}>
              {t(one)}
            </a>
          ))}
        </nav>
        <div class="header-end">
          <select
            aria-label={t("language")}
            value={language}
            onChange={(event) => onLanguage(event.currentTarget.value as Language)}
          >
            {Object.entries(languageNames).map(([tag, name]) => (
              <option key={tag} value={tag} lang={tag}>
                {name}
              </option>
            ))}
          </select>
          {pages.length > 0 && (
            <button type="button" class="button button-quiet" onClick={hasKey ? onSignOut : onSignIn}>
              {hasKey ? t("signOut") : t("signIn")}
            </button>
          )}
        </div>
      </div>
    </header>
  );
};

const Logo = () => (
  <svg viewBox="0 0 32 32" width="22" height="22" aria-hidden="true" class="logo">
    <rect width="32" height="32" rx="8" />
    <path d="M8 16h5m0 0c5 0 3-7 8-7h2m-10 7h10m-10 0c5 0 3 7 8 7h2" />
    <circle cx="8" cy="16" r="2.4" />
  </svg>
);
