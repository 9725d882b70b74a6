/** Scripted support conversations with the placeholders `{order}`, `{agent}`, `{name}` and `{sum}`. */
export type Language = 'uk' | 'translit' | 'en';

export interface Exchange {
  readonly by: 'customer' | 'agent';
  /** Equivalent wordings. */
  readonly variants: readonly string[];
}

export interface Script {
  readonly language: Language;
  /** Name of the department that handles it. */
  readonly department: string;
  readonly exchanges: readonly Exchange[];
}

const customer = (...variants: readonly string[]): Exchange => ({ by: 'customer', variants });
const agent = (...variants: readonly string[]): Exchange => ({ by: 'agent', variants });

export const scripts: readonly Script[] = [
  {
    language: 'uk',
    department: 'Доставка',
    exchanges: [
      customer(
        'Доброго дня! Де моя посилка {order}?',
        'Вітаю, замовлення {order} досі не приїхало 😕',
      ),
      customer('Чекаю вже третій день', 'Статус не змінюється з понеділка'),
      agent(
        'Вітаю, {name}! Мене звати {agent}, зараз перевірю.',
        'Доброго дня! Дайте хвилинку, дивлюся.',
      ),
      agent('Посилка {order} вже на сортувальному центрі, завтра буде у відділенні.'),
      customer('А можна змінити відділення на №12?'),
      agent('Так, вже змінили. Номер накладної залишається той самий.'),
      customer('Дякую! 🙏', 'Супер, дуже дякую за допомогу'),
      agent('Гарного дня!', 'Звертайтеся, якщо буде щось іще 🙂'),
    ],
  },
  {
    language: 'uk',
    department: 'Оплата',
    exchanges: [
      customer(
        'Гроші зняли двічі за замовлення {order}',
        'Подвійне списання {sum} грн, допоможіть',
      ),
      agent('Перепрошуємо за незручності. Надішліть, будь ласка, квитанцію.'),
      customer('https://files.example.com/receipts/{order}.png'),
      agent(
        'Бачу обидва платежі. Повернення {sum} грн вже оформлено.',
        'Дякую, передаю бухгалтерії.',
      ),
      customer('Коли гроші будуть на картці?'),
      agent('Зазвичай це 1–3 банківські дні.'),
      customer('Добре, чекатиму', 'Ок'),
    ],
  },
  {
    language: 'uk',
    department: 'Повернення',
    exchanges: [
      customer(
        'Хочу повернути товар, не підійшов розмір',
        'Як оформити обмін за замовленням {order}?',
      ),
      agent('Вітаю! На повернення є 14 днів. Товар не використовували?'),
      customer('Ні, навіть бирки на місці'),
      agent('Тоді заповніть форму: https://shop.example.com/returns/{order}'),
      customer('Заповнила', 'Готово, надіслав'),
      agent('Отримали. Кур’єр зателефонує завтра до 14:00.'),
      customer('Дякую, ви найкращі ❤️'),
    ],
  },
  {
    language: 'uk',
    department: 'Технічна підтримка',
    exchanges: [
      customer(
        'Не можу увійти в кабінет, пише «невірний пароль»',
        'Не приходить лист для зміни пароля',
      ),
      agent('Добрий день! На яку адресу реєструвалися?'),
      customer('На ту, що в профілі', 'Здається, на робочу'),
      agent('Надіслали нове посилання. Перевірте, будь ласка, також теку «Спам».'),
      customer('Є! Працює', 'Прийшло, дякую'),
      agent('Радий допомогти!', 'Чудово! Ще чимось допомогти?'),
      customer('Ні, це все'),
    ],
  },
  {
    language: 'uk',
    department: 'Продажі',
    exchanges: [
      customer('Скільки коштує тариф для 5 операторів?', 'Чи є знижка на опт від 20 одиниць?'),
      agent('Вітаю, {name}! Для вас це {sum} грн на місяць, за рік дешевше на 15 %.'),
      customer('А пробний період є?'),
      agent('Так, 14 днів без картки.'),
      customer('Подумаю і напишу', 'Добре, оформлюйте'),
    ],
  },
  {
    language: 'translit',
    department: 'Доставка',
    exchanges: [
      customer('Dobryi den, de moia posylka {order}?', 'pryvit a koly vidpravka {order}'),
      agent('Вітаю! Відправили сьогодні зранку.'),
      customer('a nomer nakladnoi mozhna'),
      agent('Звісно: {order}. Відстежити можна на https://shop.example.com/track/{order}'),
      customer('diakuiu'),
    ],
  },
  {
    language: 'translit',
    department: 'Технічна підтримка',
    exchanges: [
      customer('ne pratsiuie knopka oplaty na saiti', 'vybyvaie z kabinetu postiino'),
      agent('Добрий день! З якого браузера заходите?'),
      customer('z telefonu, hz yakyi tam'),
      agent('Спробуйте, будь ласка, очистити кеш. Ми вже виправили помилку.'),
      customer('o, zapratsiuvalo 👍'),
    ],
  },
  {
    language: 'en',
    department: 'Доставка',
    exchanges: [
      customer('Hi, where is my parcel {order}?', 'Tracking for {order} has not moved for a week.'),
      customer('It was a gift, so I am a bit worried'),
      agent('Hello {name}, this is {agent}. Let me check with the warehouse.'),
      agent('Your parcel leaves tomorrow.', 'It is at customs and should be released today.'),
      customer('Could you add a gift note?', 'Will I get a text message?'),
      agent('Done! Anything else I can do?'),
      customer('No, that is all. Thanks!', 'Perfect, thank you 🎉'),
      agent('Have a lovely day!'),
    ],
  },
  {
    language: 'en',
    department: 'Оплата',
    exchanges: [
      customer(
        'My card was charged twice: {sum} each time.',
        'The invoice for {order} has the wrong VAT number',
      ),
      agent('Sorry about that! Which day was it?'),
      customer('Yesterday evening'),
      agent(
        'Found it. I have refunded {sum}, it takes up to five days.',
        'A corrected invoice is on its way.',
      ),
      customer('Got it, thanks', 'OK. I will write again if it does not arrive.'),
    ],
  },
  {
    language: 'en',
    department: 'Технічна підтримка',
    exchanges: [
      customer(
        'The widget does not load on our checkout page',
        'I get "500 <Internal Error>" in the API & webhooks',
      ),
      agent('Hi {name}! Do you see an error in the browser console?'),
      customer('Refused to load the script because of Content-Security-Policy'),
      agent('Please allow https://widget.example.com in script-src.'),
      customer('That did it.', 'Still broken, one moment…'),
      customer('OK now it works on both domains'),
      agent('Great! I will close this one, write any time.'),
    ],
  },
  {
    language: 'en',
    department: 'Продажі',
    exchanges: [
      customer('Do you have a plan for non-profits?', 'How many seats are in the standard plan?'),
      agent('Hi! Up to 5 seats for {sum}; non-profits get 30% off.'),
      customer('Can we pay by invoice?'),
      agent('Yes, yearly plans can be invoiced.'),
      customer('Great, let us do that', 'I need to ask my manager first'),
    ],
  },
];

/** Sent by agents who write first. */
export const invitations: Readonly<Record<Language, readonly string[]>> = {
  uk: ['Вітаємо! Маємо новинки у вашому розмірі 👟', 'Нагадуємо: у кошику залишилися товари.'],
  translit: ['Вітаємо! Чи все гаразд із замовленням {order}?'],
  en: [
    'Hi {name}, how are you getting on with the trial?',
    'We have just released version 3. Questions? Just reply here.',
  ],
};

const ukrainianGreeting = 'Вітаю! Я HelpBot 🤖 Оператор відповість за кілька хвилин.';

/** Sent by the bot before an agent joins. */
export const botGreetings: Readonly<Record<Language, string>> = {
  uk: ukrainianGreeting,
  translit: ukrainianGreeting,
  en: 'Hi! I am HelpBot 🤖 An agent will be with you shortly.',
};

export const privateNotes = [
  'Перевірив зі складом, усе відправлено',
  'Customer is on the old plan, do not upsell',
  '@team хто може глянути платіж {order}?',
  'Checked with the warehouse.',
] as const;

export const articles = [
  'https://help.example.com/uk/articles/delivery',
  'https://help.example.com/en/articles/reset-password',
] as const;
