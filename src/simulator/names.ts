/** Made-up people and places. A Ukrainian name is a pair: Cyrillic, then as it is written in Latin. */
export const ukrainianFirstNames = [
  ['Олена', 'Olena'],
  ['Тарас', 'Taras'],
  ['Оксана', 'Oksana'],
  ['Андрій', 'Andrii'],
  ['Наталія', 'Nataliia'],
  ['Богдан', 'Bohdan'],
  ['Ірина', 'Iryna'],
  ['Юрій', 'Yurii'],
  ['Соломія', 'Solomiia'],
  ['Дмитро', 'Dmytro'],
  ['Катерина', 'Kateryna'],
  ['Максим', 'Maksym'],
  ['Зоряна', 'Zoriana'],
  ['Остап', 'Ostap'],
  ['Ганна', 'Hanna'],
  ['Євген', 'Yevhen'],
  ['Леся', 'Lesia'],
  ['Ігор', 'Ihor'],
  ['Мар’яна', 'Mariana'],
  ['Павло', 'Pavlo'],
] as const;

export const ukrainianLastNames = [
  ['Коваленко', 'Kovalenko'],
  ['Бондаренко', 'Bondarenko'],
  ['Ткаченко', 'Tkachenko'],
  ['Мельник', 'Melnyk'],
  ['Поліщук', 'Polishchuk'],
  ['Олійник', 'Oliinyk'],
  ['Литвин', 'Lytvyn'],
  ['Гнатюк', 'Hnatiuk'],
  ['Савчук', 'Savchuk'],
  ['Кравець', 'Kravets'],
  ['Щербак', 'Shcherbak'],
  ['Яременко', 'Yaremenko'],
  ['Гончар', 'Honchar'],
  ['Їжакевич', 'Yizhakevych'],
  ['Дзюба', 'Dziuba'],
  ['Пилипенко', 'Pylypenko'],
] as const;

export const englishFirstNames = [
  'Ada',
  'Oliver',
  'Grace',
  'Henry',
  'Amelia',
  'Thomas',
  'Zoë',
  'Samuel',
  'Chloe',
  'Noah',
  'Ruth',
  'Leon',
  'Martha',
  'Felix',
] as const;

export const englishLastNames = [
  'Bennett',
  'Clarke',
  "O'Connor",
  'Hughes',
  'Whitfield',
  'Nuñez',
  'Palmer',
  'Redmond',
  'Sinclair',
  'Turner',
  'Ashworth',
  'Vaughan',
] as const;

export const companies = [
  'Кав’ярня «Ранок»',
  'ФОП Гончар',
  'Книгарня «Є сенс»',
  'Velo Lviv',
  'Demo LLC',
  'Northwind Bikes',
  'Blue Door Books',
  'Acorn & Sons',
  'Станція «Насіння»',
  'Pixel Bakery 🥐',
] as const;

export const ukrainianPlaces = [
  { city: 'Київ', regionCode: '30', countryCode: 'UA', timezone: 'Europe/Kyiv' },
  { city: 'Львів', regionCode: "L'vivs'ka Oblast", countryCode: 'UA', timezone: 'Europe/Kyiv' },
  { city: 'Одеса', regionCode: 'Odeska Oblast', countryCode: 'UA', timezone: 'Europe/Kyiv' },
  { city: 'Kharkiv', regionCode: '63', countryCode: 'UA', timezone: 'Europe/Kyiv' },
  { city: 'Чернівці', regionCode: '77', countryCode: 'UA', timezone: 'Europe/Kyiv' },
  { city: null, regionCode: null, countryCode: 'UA', timezone: 'Europe/Kyiv' },
] as const;

export const otherPlaces = [
  { city: 'Kraków', regionCode: '12', countryCode: 'PL', timezone: 'Europe/Warsaw' },
  { city: 'London', regionCode: 'ENG', countryCode: 'GB', timezone: 'Europe/London' },
  { city: 'München', regionCode: 'BY', countryCode: 'DE', timezone: 'Europe/Berlin' },
  { city: 'Toronto', regionCode: 'ON', countryCode: 'CA', timezone: 'America/Toronto' },
  { city: 'Austin', regionCode: 'TX', countryCode: 'US', timezone: 'America/Chicago' },
] as const;

export const devices = [
  { platform: 'desktop', userAgent: 'Mozilla/5.0 (Windows NT 10.0; Win64; x64) Demo/1.0' },
  { platform: 'desktop', userAgent: 'Mozilla/5.0 (Macintosh; Intel Mac OS X 14_5) Demo/1.0' },
  { platform: 'mobile', userAgent: 'Mozilla/5.0 (Linux; Android 14) Demo/1.0 Mobile' },
  { platform: 'mobile', userAgent: 'Mozilla/5.0 (iPhone; CPU iPhone OS 17_4) Demo/1.0 Mobile' },
] as const;

export const pages = [
  '',
  'cart',
  'pricing',
  'delivery',
  'catalogue/bikes',
  'help?from=кошик',
] as const;

export const tags = [
  { name: 'VIP', color: '#ff9f1c' },
  { name: 'Trial', color: '#2ec4b6' },
  { name: 'Опт', color: '#3a86ff' },
  { name: 'Newsletter', color: '#c377e0' },
  { name: 'боржник', color: '#e63946' },
  { name: 'Beta 🧪', color: '#8338ec' },
] as const;

export const notes = [
  'Prefers mail',
  'Просить телефонувати після 18:00',
  'Speaks slowly typed English, be patient',
  'Постійний клієнт, знижка 5 %',
] as const;
