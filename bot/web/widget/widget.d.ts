// What the parts of the widget share, for the type check (tsc) alone. bot/web/widget_file.py puts the parts in one file.

/** The words and settings that the server writes before the parts. */
declare const WIDGET: {
  lang: string;
  words: Record<string, string>;
  subjects: [choice: string, label: string][];
  lines: Line[];
  clinic: { name: string; exit: string };
  frame: { disclaimer: string; emergency: string; privacy: string };
  alarms: Record<string, Reply>;
  phrases: Record<string, string[]>;
};
/** The text of widget.css. */
declare const STYLES: string;

/** One of the clinic's numbers and the ways to use it. */
interface Line { number: string; call: boolean; text?: string; chat?: string }
interface Choice { label: string; choice: string }
interface Source { document: string; title: string; heading: string; url?: string | null }
interface Visit { text: string; label: string; url: string; phone: string }

/** A reply of the contract. One of an unknown kind may lack any part, or bring a bare `text`. */
interface Reply {
  answer?: string; kind: string; title?: string; paragraphs?: string[]; text?: string; sources?: Source[];
  disclaimer?: string; consultation?: Visit; next?: Choice[];
}

/** What is shown in the chat, and what is sent. */
interface Question { label: string; sent: { text: string } | { choice: string } }

/** What is kept in this tab: the chat as shown, the sheet, whether the panel is open, and what was not sent yet. */
interface Kept {
  conversation: string | null; shown: (Reply | { you: string })[]; sheet: SheetContent; open?: boolean; draft?: string;
}
interface SheetContent { answers: Reply[]; questions: Reply[] }
