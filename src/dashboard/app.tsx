import { useEffect, useMemo, useState } from "preact/hooks";
import { createApi } from "./api.ts";
import { Header } from "./header.tsx";
import { keptKey } from "./kept-key.ts";
import { type Language, pickLanguage } from "./language.ts";
import { pagesOf, type Role } from "./role.ts";
import { type Page, pageOf } from "./route.ts";
import { AppContext } from "./use-app.ts";
import { createTexts, TextsContext, useTexts } from "./use-texts.ts";
import { AccessView } from "./views/access.tsx";
import { ChatView } from "./views/chat.tsx";
import { LoginView } from "./views/login.tsx";
import { ModelsView } from "./views/models.tsx";
import { OverviewView } from "./views/overview.tsx";
import { RequestsView } from "./views/requests.tsx";

const views: Record<Page, () => preact.JSX.Element> = {
  overview: OverviewView,
  models: ModelsView,
  requests: RequestsView,
  chat: ChatView,
  access: AccessView,
};

/** The whole page: who asks, in which language, and what they look at. */
export const App = () => {
  const [language, setLanguage] = useLanguage();
  const texts = useMemo(() => createTexts(language, navigator.language), [language]);
  const session = useSession();
  const page = usePage();
  const { role, api } = session;
  const allowed = pagesOf[role ?? "none"];
  const shown = allowed.includes(page) ? page : allowed[0];
  useEffect(() => {
    document.documentElement.lang = language;
    document.title = shown ? `${texts.t(shown)} · ${texts.t("title")}` : texts.t("title");
  }, [language, shown, texts]);
  return (
    <TextsContext.Provider value={texts}>
      <AppContext.Provider value={{ api, role: role ?? "none", checkRole: session.check }}>
        <Header
          {...{ pages: allowed, page: shown, language, onLanguage: setLanguage, hasKey: session.hasKey }}
          onSignOut={() => session.signOut()}
          onSignIn={session.askForKey}
        />
        <Content {...{ session, page: shown }} />
      </AppContext.Provider>
    </TextsContext.Provider>
  );
};

const Content = ({ session, page }: { session: Session; page: Page | undefined }) => {
  const { t } = useTexts();
  const { role, isAsked, error } = session;
  if (role === undefined)
    return (
      <main id="main" class="narrow">
        {error ? <Unreachable onRetry={session.check} /> : <p class="muted">{t("loading")}</p>}
      </main>
    );
  if (role === "none" || isAsked || !page)
    return <LoginView onKey={session.signIn} {...(role !== "none" && { onCancel: session.signOut })} />;
  const View = views[page];
  return (
    <main id="main" tabIndex={-1}>
      <View key={page} />
    </main>
  );
};

const Unreachable = ({ onRetry }: { onRetry(): void }) => {
  const { t } = useTexts();
  return (
    <div class="notice" role="alert">
      <span>{t("connectionLost", { time: "–" })}</span>
      <button type="button" class="button" onClick={onRetry}>
        {t("retry")}
      </button>
    </div>
  );
};

type Session = ReturnType<typeof useSession>;

const useSession = () => {
  const [key, setKey] = useState(keptKey.read);
  const [role, setRole] = useState<Role>();
  const [error, setError] = useState(false);
  const [isAsked, setAsked] = useState(false);
  const api = useMemo(() => createApi(key), [key]);
  const check = (): void => {
    setError(false);
    api.role().then(setRole, () => setError(true));
  };
  // `check` changes with `api` alone
  useEffect(check, [api]);
  return {
    api,
    role,
    error,
    check,
    isAsked,
    hasKey: key !== undefined,
    askForKey: () => setAsked(true),
    /** False when the router does not know the key. */
    async signIn(given: string): Promise<boolean> {
      const found = await createApi(given).role();
      if (found === "none") return false;
      keptKey.write(given);
      setRole(found);
      setKey(given);
      setAsked(false);
      return true;
    },
    signOut() {
      setAsked(false);
      if (key === undefined) return;
      keptKey.forget();
      setRole(undefined);
      setKey(undefined);
    },
  };
};

const languageStorage = "llmlb-language";

const useLanguage = (): [Language, (language: Language) => void] => {
  const [language, setLanguage] = useState(() =>
    pickLanguage(navigator.languages, localStorage.getItem(languageStorage)),
  );
  const choose = (chosen: Language): void => {
    localStorage.setItem(languageStorage, chosen);
    setLanguage(chosen);
  };
  return [language, choose];
};

const usePage = (): Page => {
  const [page, setPage] = useState(() => pageOf(location.hash));
  useEffect(() => {
    const onChange = (): void => {
      setPage(pageOf(location.hash));
      scrollTo(0, 0);
    };
    addEventListener("hashchange", onChange);
    return () => removeEventListener("hashchange", onChange);
  }, []);
  return page;
};
